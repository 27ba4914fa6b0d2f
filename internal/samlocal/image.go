package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	// lambdaImage, with the architecture behind it, is what SAM runs a provided.al2023 function in
	// (https://gallery.ecr.aws/lambda/provided).
	lambdaImage = "public.ecr.aws/lambda/provided:al2023-"

	// standInImage takes its place where no registry is reached. SAM's own names are left alone.
	standInImage = "chime-offboarding/provided:"

	// registryPatience is how long a registry has until it says something. The download may take longer.
	registryPatience = 10 * time.Second
)

// findImage returns the base image: the real one wherever it is there or can be pulled, else a stand-in, of which the SAM CLI
// is told.
func (r *runner) findImage(ctx context.Context, linuxBinary string) (string, error) {
	image := lambdaImage + r.sam.architecture()
	if exists(ctx, image) {
		return image, nil
	}
	r.printf("        pulling %s, once", image)
	reason := pull(ctx, image, registryPatience)
	if reason == nil {
		return image, nil
	}
	r.printf("        in a stand-in of that image, because it cannot be pulled: %v", reason)
	r.sam.standIn = standInImage + r.sam.architecture()
	if exists(ctx, r.sam.standIn) {
		return r.sam.standIn, nil
	}
	return r.sam.standIn, buildStandIn(ctx, r.sam.standIn, linuxBinary)
}

func exists(ctx context.Context, image string) bool {
	_, err := output(command(ctx, "docker", "image", "inspect", image))
	return err == nil
}

// pull pulls an image, unless its registry says nothing for so long.
func pull(ctx context.Context, image string, patience time.Duration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(patience, func() { cancel(fmt.Errorf("docker pull: no answer for %v", patience)) })
	docker := command(ctx, "docker", "pull", image)
	docker.Stdout = stopper{silence}
	err := execute(docker)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// stopper is a timer that is stopped by whatever is written.
type stopper struct{ *time.Timer }

func (s stopper) Write(text []byte) (int, error) {
	s.Stop()
	return len(text), nil
}

// buildStandIn makes an image of a shell and nothing else: SAM adds the emulator of Lambda, and mounts the function.
func buildStandIn(ctx context.Context, image, linuxBinary string) error {
	shell, err := os.ReadFile(linuxBinary)
	if err != nil {
		return fmt.Errorf("reading the shell: %w", err)
	}
	var files bytes.Buffer
	archive := tar.NewWriter(&files)
	err = archive.WriteHeader(&tar.Header{Name: "bin/sh", Mode: 0o755, Size: int64(len(shell))})
	if err == nil {
		_, err = archive.Write(shell)
	}
	if err := errors.Join(err, archive.Close()); err != nil {
		return fmt.Errorf("packing the shell: %w", err)
	}
	docker := command(ctx, "docker", "import", "-", image)
	docker.Stdin = &files
	_, err = output(docker)
	return err
}
