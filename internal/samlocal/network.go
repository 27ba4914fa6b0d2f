package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// network is a Docker network with the stand-ins in it, and the function while it runs.
type network struct {
	remote
	name     string    // and the stand-ins' container's; no other run has it
	standins *exec.Cmd // docker run; nil until then
	stdin    io.Closer // of the stand-ins, who end with it
}

// newNetwork makes a network.
func newNetwork(ctx context.Context) (*network, error) {
	n := &network{name: "chime-offboarding-" + strings.ToLower(rand.Text()[:8])}
	_, err := output(command(context.WithoutCancel(ctx), "docker", "network", "create", n.name)) // Else it might be there or not.
	return n, err
}

// start starts the stand-ins' container. It ends with its tasks, which is when this process ends at the latest.
func (n *network) start(ctx context.Context, image, linuxBinary string) error {
	folder, err := filepath.Abs(filepath.Dir(linuxBinary))
	if err != nil {
		return fmt.Errorf("finding the stand-ins: %w", err)
	}
	docker := command(ctx, "docker", "run", "--interactive", "--rm", "--name", n.name, "--network", n.name,
		"--network-alias", standinsHost, "--volume", folder+":/standins:ro", "--entrypoint", "/standins/"+filepath.Base(linuxBinary),
		image, standinsRole)
	docker.Stderr = os.Stderr
	tasks, err := docker.StdinPipe()
	if err != nil {
		return fmt.Errorf("starting the stand-ins: %w", err)
	}
	results, err := docker.StdoutPipe()
	if err != nil {
		return fmt.Errorf("starting the stand-ins: %w", err)
	}
	if err := docker.Start(); err != nil {
		return fmt.Errorf("starting the stand-ins: %w", err)
	}
	n.remote, n.standins, n.stdin = remote{json.NewEncoder(tasks), json.NewDecoder(results)}, docker, tasks
	return nil
}

// close removes the network and what is in it, the function's container included if the SAM CLI had to leave it behind.
func (n *network) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if n.standins != nil {
		context.AfterFunc(ctx, func() { _ = n.standins.Process.Kill() }) // It has ended, unless the engine hangs.
		_ = n.stdin.Close()
		_ = n.standins.Wait()
	}
	containers, err := output(command(ctx, "docker", "ps", "--all", "--quiet", "--filter", "network="+n.name))
	if err == nil && containers != "" {
		_, err = output(command(ctx, "docker", append([]string{"rm", "--force"}, strings.Fields(containers)...)...))
	}
	_, removing := output(command(ctx, "docker", "network", "rm", n.name))
	return errors.Join(err, removing)
}
