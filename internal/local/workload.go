package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/chime/types"

	"chime-offboarding/internal/local/chimeserver"
	"chime-offboarding/internal/local/world"
	"chime-offboarding/internal/request"
)

// workload is what a run sends, and the world it meets.
type workload struct {
	stories         []story
	directory       *chimeserver.Directory
	settings        map[string]string // of the worker
	maxReceiveCount int               // of the queue's redrive policy, as in the settings
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
func load(o options) (w workload, err error) {
	if _, err := os.Stat(o.worker); err != nil {
		return w, fmt.Errorf("finding the worker binary: %w: start with make run, which builds it", err)
	}
	if w.settings, err = loadSettings(o.settings); err != nil {
		return w, err
	}
	count := w.settings["MAX_RECEIVE_COUNT"]
	if w.maxReceiveCount, err = strconv.Atoi(count); err != nil || w.maxReceiveCount < 1 || w.maxReceiveCount > 1000 {
		return w, fmt.Errorf("reading %s: MAX_RECEIVE_COUNT is %q: make it a number from 1 to 1000, which the queue's redrive policy takes too", o.settings, count)
	}
	switch {
	case o.seed > 0:
		return w, w.makeUpTrouble(rand.New(rand.NewPCG(o.seed, 1)), cmp.Or(o.users, chaosMessages))
	case o.users > 0:
		return w, w.makeUp(o.users)
	}
	if w.stories, err = loadStories(o.events, w.maxReceiveCount); err != nil {
		return w, err
	}
	file, err := os.Open(o.directory)
	if err != nil {
		return w, fmt.Errorf("opening the directory of users: %w", err)
	}
	w.directory, err = chimeserver.Load(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return w, fmt.Errorf("reading %s: %w", o.directory, err)
	}
	return w, nil
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
func loadStories(path string, maxReceiveCount int) ([]story, error) {
	files, err := world.EventFiles(path)
	if err != nil {
		return nil, err
	}
	stories := make([]story, len(files))
	for i, file := range files {
		if stories[i], err = loadStory(file, maxReceiveCount); err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
	}
	return stories, nil
}

func loadStory(path string, maxReceiveCount int) (story, error) {
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
			if deliveries, err = strconv.Atoi(count); err != nil || deliveries < 1 || deliveries > maxReceiveCount {
				return s, fmt.Errorf("record %d: ApproximateReceiveCount is %q: make it a number from 1 to %d, the MAX_RECEIVE_COUNT", i, count, maxReceiveCount)
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

// makeUp makes up a wave of terminations: one message a user, spread over accounts of both types.
func (w *workload) makeUp(users int) error {
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
	w.stories = []story{{"made-up users", messages}}
	w.settings["ALLOWED_ACCOUNT_IDS"] = "*"
	w.directory = chimeserver.NewDirectory()
	for _, account := range accounts {
		if err := w.directory.AddAccount(account); err != nil {
			return fmt.Errorf("making up users: %w", err)
		}
	}
	return nil
}

const (
	chaosMessages = 1000
	chaosUsers    = 400 // of an account
)

// makeUpTrouble makes up messages of one and of many users, invalid ones among them, who meet every kind of trouble that the
// directory can script: errors of users, refused batches, closed accounts, and people and accounts that must not be touched.
func (w *workload) makeUpTrouble(random *rand.Rand, messages int) error {
	w.settings["ALLOWED_ACCOUNT_IDS"] = "enterprise-1,enterprise-2,team-1,team-2,closed,flaky,unknown"
	w.settings["PROTECTED_USER_IDS"] = "USER-001,user-002"
	exceptions := []string{"BadRequestException", "NotFoundException"}
	codes := []types.ErrorCode{"Throttled", "ServiceFailure", "Conflict", "Forbidden", "Unprocessable", "NotKnownToday", ""}
	accounts := []chimeserver.Account{
		{AccountID: "enterprise-1"}, {AccountID: "enterprise-2"}, {AccountID: "off-limits"},
		{AccountID: "team-1", AccountType: types.AccountTypeTeam}, {AccountID: "team-2", AccountType: types.AccountTypeTeam},
		{AccountID: "closed", Fault: &chimeserver.Fault{RefuseWith: "ForbiddenException"}},
		{AccountID: "flaky", Fault: &chimeserver.Fault{RefuseWith: "ThrottledClientException", Times: new(10)}},
	}
	ids := []string{"unknown"}
	w.directory = chimeserver.NewDirectory()
	for _, account := range accounts {
		account.AccountType = cmp.Or(account.AccountType, types.AccountTypeEnterpriseLWA)
		for i := range chaosUsers {
			user := chimeserver.User{UserID: fmt.Sprintf("user-%03d", i)}
			switch n := random.IntN(100); {
			case n < 4:
				user.Fault = &chimeserver.Fault{UserErrorCode: &codes[random.IntN(len(codes))], Times: new(1 + random.IntN(6))}
			case n < 5:
				user.Fault = &chimeserver.Fault{RefuseWith: exceptions[random.IntN(len(exceptions))]}
			}
			account.Users = append(account.Users, user)
		}
		if err := w.directory.AddAccount(account); err != nil {
			return fmt.Errorf("making up users: %w", err)
		}
		ids = append(ids, account.AccountID)
	}

	s := story{name: "made-up requests", messages: make([]message, messages)}
	for i := range s.messages {
		users := make([]string, 1)
		if random.IntN(4) == 0 {
			users = make([]string, 1+random.IntN(20))
		}
		for n := range users {
			users[n] = fmt.Sprintf("user-%03d", random.IntN(chaosUsers+5)) // A few are not in the directory.
		}
		body := fmt.Sprintf(`{"accountId": %q, "userIds": ["%s"], "correlationId": "made-up-%d"}`,
			ids[random.IntN(len(ids))], strings.Join(users, `", "`), i)
		switch random.IntN(40) {
		case 0:
			body = body[:len(body)/2]
		case 1:
			body = strings.Replace(body, "correlationId", "effectiveAt", 1)
		}
		s.messages[i] = message{body, 1}
	}
	w.stories = []story{s}
	return nil
}
