package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"chime-offboarding/internal/local/world"
)

// story is an event, and how it is to end.
type story struct {
	file       string
	event      []byte
	endingFile string // empty if nobody says how
	ending     world.Ending
}

// loadStories reads one event file, or those of a folder in the order of their names.
func loadStories(path string) ([]story, error) {
	files, err := world.EventFiles(path)
	if err != nil {
		return nil, err
	}
	stories := make([]story, len(files))
	for i, file := range files {
		if stories[i], err = loadStory(file); err != nil {
			return nil, err
		}
	}
	return stories, nil
}

func loadStory(file string) (story, error) {
	event, err := os.ReadFile(file)
	if err != nil {
		return story{}, fmt.Errorf("reading the event: %w", err)
	}
	path := filepath.Join(filepath.Dir(file), world.EndingsFolder, filepath.Base(file))
	ending, err := world.ReadEnding(path)
	if errors.Is(err, fs.ErrNotExist) {
		return story{file: file, event: event}, nil
	}
	return story{file, event, path, ending}, err
}

// loadSettings reads the function's settings from a file of --env-vars.
func loadSettings(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the function's settings: %w", err)
	}
	var file envVars
	err = json.Unmarshal(text, &file)
	if err == nil && file.Parameters == nil {
		err = errors.New("it has none")
	}
	if err != nil {
		return nil, fmt.Errorf(`reading %s, which has to have {"Parameters": {"NAME": "value", …}}: %w`, path, err)
	}
	return file.Parameters, nil
}
