package main

import (
	"errors"
	"flag"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMain lets the tests run where make invoke does. Under the name of a tool it is that tool's stand-in.
func TestMain(m *testing.M) {
	if tool := filepath.Base(os.Args[0]); slices.Contains(allTools, tool) {
		os.Exit(actAs(tool, os.Args[1:]))
	}
	if err := os.Chdir("../.."); err != nil {
		log.Fatal(err)
	}
	os.Exit(m.Run())
}

func TestFlags(t *testing.T) {
	var out strings.Builder
	if _, err := parse([]string{"-help"}, &out); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-help: %v", err)
	}
	for _, name := range []string{"-directory", "-event", "-log", "-settings"} {
		if !strings.Contains(out.String(), "\n  "+name) {
			t.Errorf("-help does not list %s:\n%s", name, &out)
		}
	}
	for args, want := range map[string]string{
		"-evnt x":  "flag provided but not defined: -evnt: see -help",
		"x -event": `"x" is not a flag: see -help`,
	} {
		if _, err := parse(strings.Fields(args), io.Discard); err == nil || err.Error() != want {
			t.Errorf("the error for %q is %v, want %q", args, err, want)
		}
	}
}

func TestShell(t *testing.T) {
	folder := t.TempDir()
	from, to := filepath.Join(folder, "from"), filepath.Join(folder, "to")
	if err := os.WriteFile(from, []byte("emulator"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := role(t.Context(), []string{"/bin/sh", "-c", "mv " + from + " " + to + " && chmod +x " + to}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(to)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != "emulator" || info.Mode().Perm() != 0o755 {
		t.Errorf("the file has become %q with mode %v", text, info.Mode())
	}
	for name, args := range map[string][]string{
		"no script":           {"sh"},
		"an option":           {"sh", "-e", "mv a b"},
		"another command":     {"sh", "-c", "cp " + to + " " + from},
		"another mode":        {"sh", "-c", "chmod -x " + to},
		"a second command":    {"sh", "-c", "chmod +x " + to + " && rm " + to},
		"a file that is gone": {"sh", "-c", "mv " + from + " " + to},
	} {
		if err := role(t.Context(), args); err == nil {
			t.Errorf("%s: %q is taken", name, args)
		}
	}
}
