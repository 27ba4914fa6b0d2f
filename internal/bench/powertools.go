package main

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed yardsticks/powertools
var embedded embed.FS

// installPowertools installs and bundles the yardstick in TypeScript in a folder of its own, unless it is there. It returns the
// version of Node.js, and the command to run.
func installPowertools(ctx context.Context, folder string) (node string, command []string, err error) {
	version, err := exec.CommandContext(ctx, "node", "--version").Output()
	if err != nil {
		return "", nil, fmt.Errorf("node --version: %w", err)
	}
	source, err := fs.Sub(embedded, "yardsticks/powertools")
	if err != nil {
		return "", nil, fmt.Errorf("opening the source: %w", err)
	}
	state := sha256.New()
	archive := zip.NewWriter(state)
	if err := errors.Join(archive.AddFS(source), archive.Close()); err != nil {
		return "", nil, fmt.Errorf("reading the source: %w", err)
	}
	folder = filepath.Join(folder, fmt.Sprintf("powertools-%x", state.Sum(nil)[:4]))
	node, command = strings.TrimSpace(string(version)), []string{"node", filepath.Join(folder, "runtime.js")}
	if _, err := os.Stat(filepath.Join(folder, "handler.js")); err == nil {
		return node, command, nil
	}
	if err := errors.Join(os.RemoveAll(folder), os.CopyFS(folder, source)); err != nil {
		return "", nil, fmt.Errorf("copying the source: %w", err)
	}
	for _, args := range [][]string{{"ci", "--ignore-scripts", "--no-audit", "--no-fund"}, {"run", "build"}} {
		npm := exec.CommandContext(ctx, "npm", args...) //nolint:gosec // One of the two above.
		npm.Dir = folder
		if output, err := npm.CombinedOutput(); err != nil {
			return "", nil, fmt.Errorf("npm %s: %w\n%s", strings.Join(args, " "), err, output)
		}
	}
	return node, command, nil
}
