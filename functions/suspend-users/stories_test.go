package main

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"chime-offboarding/internal/local/lambdaserver"
	"chime-offboarding/internal/local/world"
)

const eventsFolder = "../../events"

// story is how an event ends that is handed to the function as it is.
type story = world.Ending

// stories are the events of the folder that have their ending there.
var stories = readStories()

func readStories() map[string]story {
	endings, err := filepath.Glob(filepath.Join(eventsFolder, world.EndingsFolder, "*.json"))
	if err != nil {
		panic(err)
	}
	stories := make(map[string]story)
	for _, ending := range endings {
		if stories[filepath.Base(ending)], err = world.ReadEnding(ending); err != nil {
			panic(err)
		}
	}
	return stories
}

// TestStories hands each event to the real binary, as sam local invoke does.
func TestStories(t *testing.T) {
	for file, want := range stories {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(want, tell(t, read(t, file), nil, nil), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("the story ends otherwise (-want +got):\n%s", diff)
			}
		})
	}
}

// tell hands an event to the binary, in a world where nothing has happened yet, and returns how it ends. Settings replace
// those of the folder; before, if set, is asked first what Chime answers, and says whether it has; outputs take what the
// function prints.
func tell(t *testing.T, event []byte, settings map[string]string, before func(http.ResponseWriter, *http.Request) bool, outputs ...io.Writer) story {
	t.Helper()
	w, err := world.New(t.Context(), bytes.NewReader(read(t, "local/directory.json")), event)
	if err != nil {
		t.Fatal(err)
	}
	chimeURL := serve(t, http.HandlerFunc(func(response http.ResponseWriter, r *http.Request) {
		if before == nil || !before(response, r) {
			w.Chime.ServeHTTP(response, r)
		}
	}))
	var file struct{ Parameters map[string]string }
	if err := json.Unmarshal(read(t, "local/settings.json"), &file); err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{
		"AWS_ACCESS_KEY_ID":     "local",
		"AWS_SECRET_ACCESS_KEY": "local",
		"AWS_SAM_LOCAL":         "true",
	}
	maps.Copy(environment, w.Settings(chimeURL, serve(t, w.Queue)))
	maps.Copy(environment, file.Parameters)
	maps.Copy(environment, settings)
	function := lambdaserver.NewFunction(lambdaserver.Config{
		Binary:       binary,
		Env:          environment,
		FunctionName: "suspend-users",
		Region:       "us-east-1",
		AccountID:    "123456789012",
		Timeout:      time.Minute,
		MemorySize:   256,
		Concurrency:  1,
		Stdout:       io.MultiWriter(outputs...),
		Stderr:       io.MultiWriter(append(outputs, t.Output())...),
	})
	defer function.Close()
	result, err := function.Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}

	ending, _, err := w.End(t.Context(), event, result.Payload)
	if err != nil {
		t.Fatal(err)
	}
	return ending
}

// TestEveryEventHasItsStory keeps the files, the stories and the table of the README together.
func TestEveryEventHasItsStory(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(eventsFolder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		files[i] = filepath.Base(files[i])
	}
	if diff := cmp.Diff(files, slices.Sorted(maps.Keys(stories))); diff != "" {
		t.Errorf("stories that are told (-files +told):\n%s", diff)
	}
	var rows []string
	for _, row := range regexp.MustCompile(`(?m)^\| \[(.+\.json)\]\((.+)\) \|`).FindAllSubmatch(read(t, "README.md"), -1) {
		if string(row[1]) != string(row[2]) {
			t.Errorf("in the README %s leads to %s", row[1], row[2])
		}
		rows = append(rows, string(row[1]))
	}
	slices.Sort(rows)
	if diff := cmp.Diff(files, rows); diff != "" {
		t.Errorf("rows of the README (-files +rows):\n%s", diff)
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(eventsFolder, file))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}
