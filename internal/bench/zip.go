package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// largestZipped returns how many bytes the largest of the binaries, one for each architecture, has in a ZIP file.
func largestZipped(folder string) (int, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*", "bootstrap"))
	if err != nil || len(paths) == 0 {
		return 0, fmt.Errorf("there is no binary in %s: build it with make build", folder)
	}
	largest := 0
	for _, path := range paths {
		size, err := zippedSize(path)
		if err != nil {
			return 0, fmt.Errorf("zipping %s: %w", path, err)
		}
		largest = max(largest, size)
	}
	return largest, nil
}

func zippedSize(path string) (int, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err //nolint:wrapcheck // The caller says what was being done.
	}
	defer func() { _ = file.Close() }() // It was only read.
	var size counter
	archive := zip.NewWriter(&size)
	entry, err := archive.Create(filepath.Base(path))
	if err == nil {
		_, err = io.Copy(entry, file)
	}
	err = errors.Join(err, archive.Close()) // Before it, not all is written.
	return int(size), err
}

// counter counts the bytes that are written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
