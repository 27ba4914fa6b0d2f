package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// function is the logical ID of the function in template.yaml.
const function = "Function"

// sam is the SAM CLI, with what all its commands of a run have in common.
type sam struct {
	engine
	folder      string // for the run's files
	environment []string
	log         io.Writer // gets all that it prints but the function's answers
	standIn     string    // for its image of provided.al2023; empty if there is none
}

// newSAM gives the SAM CLI the user's environment without what would change its ways, or the function's. It gets no
// credentials: with some it asks AWS whose they are, before each invocation. The function gets made-up ones from it.
//
// Nor does it get the user's configuration of Docker: a proxy for containers in there would not know the stand-ins.
func newSAM(user []string, e engine, folder string, log io.Writer) (*sam, error) {
	if err := os.WriteFile(filepath.Join(folder, "config.json"), []byte("{}"), 0o600); err != nil {
		return nil, fmt.Errorf("writing a configuration for Docker: %w", err)
	}
	environment := slices.DeleteFunc(slices.Clone(user), func(variable string) bool {
		return strings.HasPrefix(variable, "AWS_") || strings.HasPrefix(variable, "SAM_")
	})
	environment = append(environment,
		"AWS_CONFIG_FILE="+os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_DEFAULT_REGION=us-east-1",
		"DOCKER_HOST="+e.host,
		"DOCKER_CONFIG="+folder,
		"SAM_CLI_TELEMETRY=0",
	)
	return &sam{engine: e, folder: folder, environment: environment, log: log}, nil
}

// run runs a command of the SAM CLI, and returns what it prints to standard output and how it chatters along.
func (s *sam) run(ctx context.Context, args ...string) (printed []byte, chatter string, err error) {
	config, err := filepath.Abs("samconfig.toml") // It is looked for beside the template, and the one that was built is elsewhere.
	if err != nil {
		return nil, "", fmt.Errorf("finding samconfig.toml: %w", err)
	}
	var stdout, stderr bytes.Buffer
	c := command(ctx, "sam", append(args, "--config-file", config, "--config-env", "local",
		"--parameter-overrides", "Architecture="+s.architecture())...)
	c.Env = s.environment
	c.Stdout, c.Stderr = &stdout, io.MultiWriter(&stderr, s.log)
	if err := c.Run(); err != nil {
		return nil, "", fmt.Errorf("sam %s: %w\n%s%s", args[0], err, &stderr, &stdout)
	}
	return stdout.Bytes(), stderr.String(), nil
}

// build builds the function.
func (s *sam) build(ctx context.Context) error {
	_, _, err := s.run(ctx, "build", function, "--build-dir", filepath.Join(s.folder, "build"))
	return err
}

// envVars is a file of sam local's --env-vars
// (https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-using-invoke.html).
type envVars struct{ Parameters map[string]string }

// invoke hands the event to the function with the settings, and returns the answer.
func (s *sam) invoke(ctx context.Context, network string, event []byte, settings map[string]string) ([]byte, error) {
	eventFile, envFile := filepath.Join(s.folder, "event.json"), filepath.Join(s.folder, "env-vars.json")
	env, err := json.Marshal(envVars{settings})
	if err := errors.Join(err, os.WriteFile(envFile, env, 0o600), os.WriteFile(eventFile, event, 0o600)); err != nil {
		return nil, fmt.Errorf("writing the event and the settings: %w", err)
	}
	args := []string{"local", "invoke", function, "--template", filepath.Join(s.folder, "build", "template.yaml"),
		"--event", eventFile, "--env-vars", envFile, "--docker-network", network}
	if s.standIn != "" {
		args = append(args, "--invoke-image", s.standIn)
	}
	answer, chatter, err := s.run(ctx, args...)
	if err != nil {
		return nil, err
	}
	var failed struct{ ErrorMessage string }
	if err := json.Unmarshal(answer, &failed); err != nil {
		return nil, fmt.Errorf("the function has not answered:\n%s%s", chatter, answer)
	}
	if failed.ErrorMessage != "" {
		return nil, fmt.Errorf("the function has failed: %s", failed.ErrorMessage)
	}
	return answer, nil
}
