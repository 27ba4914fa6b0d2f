package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// allTools have a stand-in here: this test binary, called by their names.
var allTools = []string{"docker", "go", "sam"}

// reply is what a stand-in answers to a command.
type reply struct {
	Stdout, Stderr string
	Fail           bool
	Hang           bool // until it is interrupted
}

// usual are the replies of tools that are all right, by how the command begins. To any other they say nothing.
var usual = map[string]reply{
	"docker context": {Stdout: "unix:///engine.sock\n"},
	"docker version": {Stdout: "amd64\n"},
	"sam --version":  {Stdout: "SAM CLI, version 1.170.0\n"},
	"sam local":      {Stdout: `{"batchItemFailures": []}`},
}

// tools is the folder of the stand-ins, and of what they note.
type tools string

// install makes stand-ins the only tools there are, some replies being others than the usual ones.
func install(t *testing.T, names []string, others map[string]reply) tools {
	t.Helper()
	folder := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.Symlink(self, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	replies := maps.Clone(usual)
	maps.Copy(replies, others)
	text, err := json.Marshal(replies)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder)
	t.Setenv("TOOLS", folder)
	t.Setenv("REPLIES", string(text))
	t.Setenv("GORACE", "atexit_sleep_ms=0") // Else each of them takes a second under the race detector.
	return tools(folder)
}

// read returns what the stand-ins have noted under a name.
func (f tools) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(string(f), name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// actAs is the stand-in of a tool. It returns its status.
func actAs(tool string, args []string) int {
	if err := act(tools(os.Getenv("TOOLS")), tool, args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func act(folder tools, tool string, args []string) error {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	command := strings.Join(append([]string{tool}, args...), " ")
	if err := folder.note("calls", command+"\n"); err != nil {
		return err
	}
	var replies map[string]reply
	if err := json.Unmarshal([]byte(os.Getenv("REPLIES")), &replies); err != nil {
		return err
	}
	for begin, r := range replies {
		if !strings.HasPrefix(command, begin) {
			continue
		}
		fmt.Fprint(os.Stdout, r.Stdout)
		fmt.Fprint(os.Stderr, r.Stderr)
		if r.Hang {
			// It may be a pipe, whose reader learns of it.
			if err := os.WriteFile(filepath.Join(string(folder), "hangs"), nil, 0o600); err != nil {
				return err
			}
			<-interrupts
			return folder.note("calls", tool+" was interrupted\n")
		}
		if r.Fail {
			os.Exit(1)
		}
	}
	return folder.work(tool, args)
}

// work does what others rely on.
func (f tools) work(tool string, args []string) error {
	option := func(name string) string { return args[slices.Index(args, name)+1] }
	switch tool + " " + args[0] {
	case "go build":
		platform := os.Getenv("GOOS") + " " + os.Getenv("GOARCH") + " " + os.Getenv("CGO_ENABLED")
		return os.WriteFile(option("-o"), []byte("binary for "+platform), 0o600)
	case "docker run":
		return new(standins).work(context.Background(), os.Stdin, os.Stdout)
	case "docker import":
		image, err := io.ReadAll(os.Stdin)
		return errors.Join(err, f.note("image", string(image)))
	case "sam local":
		event, err := os.ReadFile(option("--event"))
		variables, otherErr := os.ReadFile(option("--env-vars"))
		return errors.Join(err, otherErr, f.note("event", string(event)), f.note("variables", string(variables)),
			f.note("environment", strings.Join(os.Environ(), "\n")))
	}
	return nil
}

func (f tools) note(name, text string) error {
	file, err := os.OpenFile(filepath.Join(string(f), name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}

func TestWhatIsMissing(t *testing.T) {
	const end = "; make run needs neither Docker nor the SAM CLI"
	for name, test := range map[string]struct {
		tools   []string
		replies map[string]reply
		want    string
	}{
		"everything": {nil, nil, "Docker is not installed (https://docs.docker.com/get-started/get-docker/) and the SAM CLI is not installed (pipx install aws-sam-cli)"},
		"Docker":     {[]string{"sam"}, nil, "Docker is not installed (https://docs.docker.com/get-started/get-docker/)"},
		"SAM CLI":    {[]string{"docker"}, nil, "the SAM CLI is not installed (pipx install aws-sam-cli)"},
		"a running engine": {
			allTools, map[string]reply{"docker version": {Stderr: "Cannot connect.\nIs it\n running?\n", Fail: true}},
			"the Docker engine does not answer: docker version: Cannot connect. Is it running?: start it",
		},
		"a machine that Lambda has": {
			allTools, map[string]reply{"docker version": {Stdout: "riscv64\n"}},
			"the Docker engine's machine is riscv64, and Lambda has amd64 and arm64 only",
		},
		"a SAM CLI of these days": {
			allTools, map[string]reply{"sam --version": {Stdout: "SAM CLI, version 1.119.9\n"}},
			"the SAM CLI is 1.119.9: take 1.120 or newer (pipx upgrade aws-sam-cli)",
		},
		"a SAM CLI that starts": {
			allTools, map[string]reply{"sam --version": {Stderr: "Traceback:\n\n  line 1\n", Fail: true}},
			"the SAM CLI does not start: sam --version: Traceback: line 1: install it anew (pipx install aws-sam-cli)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			install(t, test.tools, test.replies)
			if _, err := findTools(t.Context()); err == nil || err.Error() != test.want+end {
				t.Errorf("the error is\n%v, want\n%s", err, test.want+end)
			}
		})
	}
}

func TestWhatIsThere(t *testing.T) {
	for machine, architecture := range map[string]string{"amd64": "x86_64", "arm64": "arm64"} {
		for _, version := range []string{"1.120.0", "1.170.0", "2.0.0", "1", "nightly"} {
			install(t, allTools, map[string]reply{
				"docker version": {Stdout: machine + "\n"},
				"sam --version":  {Stdout: "SAM CLI, version " + version + "\n"},
			})
			e, err := findTools(t.Context())
			if err != nil || e.host != "unix:///engine.sock" || e.machine != machine || e.architecture() != architecture {
				t.Errorf("with SAM CLI %s on %s the engine is %+v: %v", version, machine, e, err)
			}
		}
	}
}
