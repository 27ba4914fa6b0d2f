package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLargestZipped(t *testing.T) {
	folder := t.TempDir()
	if _, err := largestZipped(folder); err == nil || !strings.Contains(err.Error(), "make build") {
		t.Errorf("without a binary the error is %v", err)
	}
	incompressible := randomBytes(rand.New(rand.NewPCG(1, 2)), 10_000)
	for architecture, content := range map[string][]byte{"amd64": incompressible, "arm64": make([]byte, 1_000_000)} {
		if err := os.MkdirAll(filepath.Join(folder, architecture), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, architecture, "bootstrap"), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	size, err := largestZipped(folder)
	if err != nil {
		t.Fatal(err)
	}
	if size < 10_000 || size > 10_500 {
		t.Errorf("the larger one has %d bytes, want little more than its 10,000 that cannot be compressed", size)
	}
}
