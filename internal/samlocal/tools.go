package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// neither ends what is said where a tool is missing.
const neither = "make run needs neither Docker nor the SAM CLI"

// oldestSAM is the oldest minor version of SAM CLI 1 that was tried and works.
const oldestSAM = 120

// architectures are Lambda's, by what Docker and Go call them.
var architectures = map[string]string{"amd64": "x86_64", "arm64": "arm64"}

// engine is the Docker engine.
type engine struct {
	host    string // as DOCKER_HOST has it
	machine string // one of the architectures
}

// architecture is what Lambda calls the machine.
func (e engine) architecture() string { return architectures[e.machine] }

// findTools returns the engine where there is all that is needed, or one line about what is missing.
func findTools(ctx context.Context) (engine, error) {
	var missing []string
	if _, err := exec.LookPath("docker"); err != nil {
		missing = append(missing, "Docker is not installed (https://docs.docker.com/get-started/get-docker/)")
	}
	if _, err := exec.LookPath("sam"); err != nil {
		missing = append(missing, "the SAM CLI is not installed (pipx install aws-sam-cli)")
	}
	if len(missing) > 0 {
		return engine{}, fmt.Errorf("%s; %s", strings.Join(missing, " and "), neither)
	}
	if err := checkSAM(ctx); err != nil {
		return engine{}, err
	}
	return findEngine(ctx)
}

func checkSAM(ctx context.Context) error {
	version, err := output(command(ctx, "sam", "--version")) // SAM CLI, version 1.170.0
	if err != nil {
		return fmt.Errorf("the SAM CLI does not start: %w: install it anew (pipx install aws-sam-cli); %s", err, neither)
	}
	number := version[strings.LastIndex(version, " ")+1:]
	if parts := strings.Split(number, "."); len(parts) > 1 && parts[0] == "1" {
		if minor, err := strconv.Atoi(parts[1]); err == nil && minor < oldestSAM {
			return fmt.Errorf("the SAM CLI is %s: take 1.%d or newer (pipx upgrade aws-sam-cli); %s", number, oldestSAM, neither)
		}
	}
	return nil
}

func findEngine(ctx context.Context) (e engine, err error) {
	e.machine, err = output(command(ctx, "docker", "version", "--format", "{{.Server.Arch}}"))
	if err != nil {
		return e, fmt.Errorf("the Docker engine does not answer: %w: start it; %s", err, neither)
	}
	if e.architecture() == "" {
		return e, fmt.Errorf("the Docker engine's machine is %s, and Lambda has amd64 and arm64 only; %s", e.machine, neither)
	}
	// The SAM CLI knows nothing of Docker's contexts.
	e.host, err = output(command(ctx, "docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"))
	return e, err
}
