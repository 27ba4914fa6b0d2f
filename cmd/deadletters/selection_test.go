package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSelections(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	const (
		ada     = `{"accountId":"corp","userId":"ada"}`
		alan    = `{"accountId":"corp","userId":"alan"}`
		comma   = `{"accountId":"team","userId":"last, first"}`
		invalid = `{"accountId":"corp"}`
		moved   = `{"accountId":"corp","userIds":["ada","grace"]}`
	)
	s.letter("NotFound", ada, now.Add(-time.Hour))
	s.letter("Throttled", alan, now.Add(-2*time.Hour))
	s.letter("Throttled", comma, now.Add(-72*time.Hour))
	s.letter("InvalidRequest", invalid, now.Add(-time.Minute))
	s.moved(moved) // Its age counts from when it was sent, which is after now.
	ids := s.ids()

	for name, test := range map[string]struct{ args, want []string }{
		"everything":                    {nil, []string{ada, alan, comma, invalid, moved}},
		"a code":                        {[]string{"-code", "NotFound"}, []string{ada}},
		"two codes with a comma":        {[]string{"-code", "NotFound, Throttled"}, []string{ada, alan, comma}},
		"two codes in two flags":        {[]string{"-code", "NotFound", "--code=InvalidRequest"}, []string{ada, invalid}},
		"no code":                       {[]string{"-code", "@none"}, []string{moved}},
		"a code in another case":        {[]string{"-code", "notfound"}, nil},
		"an account":                    {[]string{"-account", "team"}, []string{comma}},
		"two accounts":                  {[]string{"-account", "team,corp"}, []string{ada, alan, comma, moved}},
		"no account":                    {[]string{"-account", "@none"}, []string{invalid}},
		"a user":                        {[]string{"-user", "ada"}, []string{ada, moved}},
		"a user with a comma":           {[]string{"-user", "last, first"}, []string{comma}},
		"two users":                     {[]string{"-user", "alan", "-user", "grace"}, []string{alan, moved}},
		"a letter's ID":                 {[]string{"-id", ids[alan]}, []string{alan}},
		"two letters' IDs":              {[]string{"-id", ids[alan] + "," + ids[moved]}, []string{alan, moved}},
		"a source message's ID":         {[]string{"-id", "11111111-1111-4111-8111-111111111111"}, []string{ada, alan, comma, invalid}},
		"an ID of nothing":              {[]string{"-id", "22222222-2222-4222-8222-222222222222"}, nil},
		"older":                         {[]string{"-older-than", "90m"}, []string{alan, comma}},
		"older by days":                 {[]string{"-older-than", "2d"}, []string{comma}},
		"newer":                         {[]string{"-newer-than", "90m"}, []string{ada, invalid, moved}},
		"between":                       {[]string{"-older-than", "30m", "-newer-than", "3h"}, []string{ada, alan}},
		"a code and an account":         {[]string{"-code", "Throttled", "-account", "corp"}, []string{alan}},
		"a code, an account and an age": {[]string{"-code", "Throttled", "-account", "corp", "-newer-than", "1h"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, _ := s.run("show", test.args...)
			wantCode := exitDone
			if test.want == nil {
				wantCode = exitNothing
			}
			var got []string
			for line := range strings.Lines(out) {
				var l struct{ Body string }
				must(t, json.Unmarshal([]byte(line), &l))
				got = append(got, l.Body)
			}
			slices.Sort(got)
			slices.Sort(test.want)
			if diff := cmp.Diff(test.want, got); diff != "" || code != wantCode {
				t.Errorf("exit code %d, want %d; bodies (-want +got):\n%s", code, wantCode, diff)
			}
		})
	}
}

func TestABadSelectionTouchesNothing(t *testing.T) {
	s := newStage(t)
	s.users("NotFound", 1)
	for _, command := range []string{"list", "show", "redrive", "discard"} {
		for args, want := range map[string]string{
			"-code|":                             `-code: "" is not an error code`,
			"-code|NotFound,,Throttled":          `-code: "" is not an error code`,
			"-code|not found":                    `-code: "not found" is not an error code`,
			"-code|@nobody":                      `-code: "@nobody" is not an error code`,
			"-account|":                          `-account: "" is not the ID`,
			"-account|corp,a/b":                  `-account: "a/b" is not the ID`,
			"-user|":                             `-user: "" is not the ID`,
			"-user|a\tb":                         `-user: "a\tb" is not the ID`,
			"-id|":                               `-id: "" is not a message ID`,
			"-id|123":                            `-id: "123" is not a message ID`,
			"-id|5fea7756-0ea4-451a-a703-XXXXXX": `is not a message ID`,
			"-older-than|":                       `-older-than: "" is not an age`,
			"-older-than|0s":                     `-older-than: "0s" is not an age`,
			"-older-than|-1h":                    `-older-than: "-1h" is not an age`,
			"-older-than|0d":                     `-older-than: "0d" is not an age`,
			"-older-than|-1d":                    `-older-than: "-1d" is not an age`,
			"-older-than|99999999d":              `-older-than: "99999999d" is not an age`,
			"-newer-than|yesterday":              `-newer-than: "yesterday" is not an age`,
			"-older-than|2h|-newer-than|1h":      `nothing is older than 2h0m0s and newer than 1h0m0s`,
			"-older-than|1h|-newer-than|1h":      `nothing is older than 1h0m0s and newer than 1h0m0s`,
			"-code|NotFound|Throttled":           `"Throttled" belongs to no flag`,
			"-codes|NotFound":                    `-codes`,
			"-code":                              `flag needs an argument`,
		} {
			code, out, err := s.run(command, strings.Split(args, "|")...)
			if code != exitUsage || !strings.Contains(err, want) || out != "" {
				t.Errorf("%s %s: exit code %d, %q and %q; want exit code %d and %q", command, args, code, out, err, exitUsage, want)
			}
		}
	}
	code, _, err := s.run("redrive", "-code", "", "-account", "a/b", "-id", "1", "-older-than", "x", "-rate", "0", "-source-queue-url", "nowhere")
	s.contains(err, "-code", "-account", "-id", "-older-than", "-rate", "-source-queue-url")
	if code != exitUsage || len(s.calls) > 0 {
		t.Errorf("exit code %d after the calls %q; want exit code %d and none", code, s.calls, exitUsage)
	}
}

func TestWhatRemovesLettersNeedsASelection(t *testing.T) {
	s := newStage(t)
	for _, command := range []string{"redrive", "discard"} {
		for args, want := range map[string]string{
			"-yes":                      "which letters? give -code",
			"-yes -all -code NotFound":  "-all does not go with a selection",
			"-yes -all -older-than 36h": "-all does not go with a selection",
		} {
			code, _, err := s.run(command, strings.Fields(args)...)
			if code != exitUsage || !strings.Contains(err, want) {
				t.Errorf("%s %s: exit code %d and %q; want %d and %q", command, args, code, err, exitUsage, want)
			}
		}
	}
	if len(s.calls) > 0 {
		t.Errorf("the queue was called: %q", s.calls)
	}
}

func TestEachFlagIsASelection(t *testing.T) {
	s := newStage(t)
	s.letter("NotFound", `{"accountId":"corp","userId":"ada"}`, failedAt)
	id := s.ids()[`{"accountId":"corp","userId":"ada"}`]
	for _, args := range []string{
		"-all", "-code NotFound", "-account corp", "-user ada", "-id " + id, "-older-than 1h", "-newer-than 1d",
		"-code NotFound -account corp", "-account corp -user ada", "-user ada -id " + id, "-older-than 1h -newer-than 1d",
	} {
		if code, out, err := s.run("redrive", strings.Fields(args)...); code != exitDone {
			t.Errorf("%s: exit code %d, %s%s; want %d", args, code, out, err, exitDone)
		}
	}
}

func TestASelectionThatMatchesNothingHasAnExitCode(t *testing.T) {
	for _, command := range []string{"list", "show", "redrive", "discard"} {
		s := newStage(t)
		t.Chdir(t.TempDir())
		s.program.asks = true
		code, out, err := s.run(command, "-code", "NotFound")
		if code != exitNothing || out != "" || !strings.Contains(err, "the queue has no letters") {
			t.Errorf("%s of an empty queue: exit code %d, %q and %q", command, code, out, err)
		}
		s.users("Throttled", 3)
		code, out, err = s.run(command, "-code", "NotFound")
		if code != exitNothing || out != "" || !strings.HasPrefix(err, "The queue has only these:\n") || !strings.Contains(err, "no letter matches") || !strings.Contains(err, "Throttled │ corp    │       3") {
			t.Errorf("%s of another code: exit code %d, %q and %q", command, code, out, err)
		}
	}
}
