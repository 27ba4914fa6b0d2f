package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/chime/types"

	"chime-offboarding/internal/local/chimeserver"
	"chime-offboarding/internal/request"
)

// workload is what a run sends, and the world it meets.
type workload struct {
	stories   []story
	directory *chimeserver.Directory
	settings  map[string]string // of the worker
}

// story is the messages of one event file.
type story struct {
	name     string
	messages []message
}

type message struct {
	body       string
	deliveries int // how often it has been received once the worker gets it, at least 1
}

// load reads, or for a synthetic load makes up, all that a run needs.
func load(o options) (workload, error) {
	if _, err := os.Stat(o.worker); err != nil {
		return workload{}, fmt.Errorf("finding the worker binary: %w: build it with make build, or start with make run", err)
	}
	settings, err := loadSettings(o.settings)
	if err != nil {
		return workload{}, err
	}
	if o.users > 0 {
		return synthetic(o.users, settings)
	}
	stories, err := loadStories(o.events)
	if err != nil {
		return workload{}, err
	}
	file, err := os.Open(o.directory)
	if err != nil {
		return workload{}, fmt.Errorf("opening the directory of users: %w", err)
	}
	directory, err := chimeserver.Load(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return workload{}, fmt.Errorf("reading %s: %w", o.directory, err)
	}
	return workload{stories, directory, settings}, nil
}

// loadSettings reads a file of sam local's --env-vars
// (https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-using-invoke.html).
func loadSettings(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the worker's settings: %w", err)
	}
	var file struct{ Parameters map[string]string }
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf(`reading %s, which has to be {"Parameters": {"NAME": "value", …}}: %w`, path, err)
	}
	if file.Parameters == nil {
		return nil, fmt.Errorf(`reading %s: it has no "Parameters": put the worker's settings there`, path)
	}
	return file.Parameters, nil
}

// loadStories reads one event file, or those of a folder in the order of their names.
func loadStories(path string) ([]story, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("finding the events: %w", err)
	}
	files := []string{path}
	if info.IsDir() {
		if files, err = filepath.Glob(filepath.Join(path, "*.json")); err != nil {
			return nil, fmt.Errorf("listing the events of %s: %w", path, err)
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("there is no .json file in %s: put an SQS event there, or name another folder", path)
		}
	}
	stories := make([]story, len(files))
	for i, file := range files {
		if stories[i], err = loadStory(file); err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
	}
	return stories, nil
}

func loadStory(path string) (story, error) {
	s := story{name: filepath.Base(path)}
	text, err := os.ReadFile(path)
	if err != nil {
		return s, errors.Unwrap(err) // The path is named by the caller.
	}
	var event events.SQSEvent
	if err := json.Unmarshal(text, &event); err != nil {
		return s, fmt.Errorf(`it is not an SQS event {"Records": […]}: %w`, err)
	}
	if len(event.Records) == 0 {
		return s, errors.New(`it has no "Records": an SQS event has at least one`)
	}
	for i, r := range event.Records {
		deliveries := 1
		if count := r.Attributes["ApproximateReceiveCount"]; count != "" {
			if deliveries, err = strconv.Atoi(count); err != nil || deliveries < 1 {
				return s, fmt.Errorf("record %d: ApproximateReceiveCount is %q: make it a number from 1 on", i, count)
			}
		}
		if r.Body == "" {
			return s, fmt.Errorf("record %d has no body: a queue takes none that is empty", i)
		}
		s.messages = append(s.messages, message{r.Body, deliveries})
	}
	return s, nil
}

const (
	maxUsers          = 1_000_000
	syntheticAccounts = 8
	// Every so many users one is unknown to Chime, or throttled at the first try. The numbers are prime, so that both
	// kinds meet every account.
	everyUnknown   = 997
	everyThrottled = 1009
)

// synthetic makes up a wave of terminations: one message a user, spread over accounts of both types.
func synthetic(users int, settings map[string]string) (workload, error) {
	accounts := make([]chimeserver.Account, syntheticAccounts)
	for i := range accounts {
		accounts[i] = chimeserver.Account{AccountID: fmt.Sprintf("load-%d", i+1), Name: "Load", AccountType: types.AccountTypeEnterpriseLWA}
	}
	accounts[len(accounts)-1].AccountType = types.AccountTypeTeam
	messages := make([]message, users)
	for i := range messages {
		account := &accounts[i%len(accounts)]
		userID := fmt.Sprintf("user-%07d", i+1)
		ask := request.Request{AccountID: account.AccountID, CorrelationID: fmt.Sprintf("wave-%07d", i+1)}
		messages[i] = message{string(ask.AppendBody(nil, userID)), 1}
		if (i+1)%everyUnknown == 0 {
			continue
		}
		user := chimeserver.User{UserID: userID}
		if (i+1)%everyThrottled == 0 {
			user.Fault = &chimeserver.Fault{UserErrorCode: new(types.ErrorCodeThrottled), Times: new(1)}
		}
		account.Users = append(account.Users, user)
	}
	directory := chimeserver.NewDirectory()
	for _, account := range accounts {
		if err := directory.AddAccount(account); err != nil {
			return workload{}, fmt.Errorf("making up users: %w", err)
		}
	}
	settings["ALLOWED_ACCOUNT_IDS"] = "*"
	return workload{[]story{{"made-up users", messages}}, directory, settings}, nil
}
