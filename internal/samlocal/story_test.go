package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryStoryHasItsEnding(t *testing.T) {
	stories, err := loadStories("events")
	if err != nil {
		t.Fatal(err)
	}
	if len(stories) < 2 {
		t.Errorf("there are %d stories", len(stories))
	}
	for _, s := range stories {
		if want := filepath.Join("events", "endings", filepath.Base(s.file)); s.endingFile != want || s.ending.Calls == 0 {
			t.Errorf("%s ends as %q says, with %+v", s.file, s.endingFile, s.ending)
		}
	}
}

// TestWhatCannotBeRead is found out before anything is started.
func TestWhatCannotBeRead(t *testing.T) {
	folder := files(t, map[string]string{
		"event.json":         `{}`,
		"endings/event.json": `{"call": 1}`,
		"none/settings":      `{"DRY_RUN": "true"}`,
		"numbers":            `{"Parameters": {"MAX_RECEIVE_COUNT": 5}}`,
	})
	for args, want := range map[string]string{
		"-event nowhere":                 "finding the event",
		"-event FOLDER/none":             "there is no .json file in FOLDER/none",
		"-event FOLDER/event.json":       `FOLDER/endings/event.json: json: unknown field "call"`,
		"-settings nowhere":              "reading the function's settings",
		"-settings FOLDER/none/settings": `FOLDER/none/settings, which has to have {"Parameters"`,
		"-settings FOLDER/numbers":       `FOLDER/numbers, which has to have {"Parameters"`,
		"-directory nowhere":             "reading the directory of users",
		"-log FOLDER/nowhere/log":        "opening the file for the worker's output",
	} {
		tools := install(t, allTools, nil)
		err := run(t.Context(), strings.Fields(strings.ReplaceAll(args, "FOLDER", folder)), &strings.Builder{})
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), folder, "FOLDER"), want) {
			t.Errorf("the error for %s is %v, want %q", args, err, want)
		}
		if calls := tools.read(t, "calls"); strings.Contains(calls, "docker network") {
			t.Errorf("%s starts something:\n%s", args, calls)
		}
	}
}
