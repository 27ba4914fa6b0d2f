package world

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// Ending is how an event ends that is handed to the function as it is. Messages are named by their place in the event.
type Ending struct {
	HandedBack []int               `json:"handedBack,omitempty"`
	Letters    []string            `json:"letters,omitempty"`   // MESSAGE CODE USER
	Suspended  map[string][]string `json:"suspended,omitempty"` // by account
	Calls      int                 `json:"calls"`               // of Chime
}

// EndingsFolder is beside the events, and has for each a file of the same name with its ending.
const EndingsFolder = "endings"

// EventFiles returns the path of an event's file, or of those of a folder in the order of their names.
func EventFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("finding the events: %w: name a file or a folder", err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	files, err := filepath.Glob(filepath.Join(path, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("listing the events of %s: %w", path, err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there is no .json file in %s: put an SQS event there, or name another folder", path)
	}
	return files, nil
}

// ReadEnding reads a file of the folder.
func ReadEnding(path string) (e Ending, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return e, fmt.Errorf("reading how an event is to end: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&e); err != nil {
		return e, fmt.Errorf("reading how an event is to end: %s: %w", path, err)
	}
	return e, nil
}

// Differences returns what differs in the way it really ended: what is missing, behind -, and what should not be, behind +.
func (e Ending) Differences(really Ending) []string {
	want, got := e.lines(), really.lines()
	var differences []string
	for _, line := range want {
		if i := slices.Index(got, line); i >= 0 {
			got = slices.Delete(got, i, i+1)
		} else {
			differences = append(differences, "- "+line)
		}
	}
	for _, line := range got {
		differences = append(differences, "+ "+line)
	}
	return differences
}

func (e Ending) lines() []string {
	lines := []string{fmt.Sprintf("messages handed back: %v", e.HandedBack), fmt.Sprintf("calls of Chime: %d", e.Calls)}
	for _, letter := range e.Letters {
		lines = append(lines, "dead letter of message "+letter)
	}
	for _, account := range slices.Sorted(maps.Keys(e.Suspended)) {
		for _, user := range e.Suspended[account] {
			lines = append(lines, "suspended: "+user+" of "+account)
		}
	}
	return lines
}

// Letter is a dead letter.
type Letter struct {
	Message      int // by its place in the event
	ErrorCode    string
	ErrorMessage string
	User         struct{ AccountID, UserID string } // of the body; nobody for an invalid message
}

func (l Letter) String() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", l.Message, l.ErrorCode, l.User.UserID))
}

// End returns how the event has ended that the function has given the answer to, and the dead letters. It takes them out of
// their queue.
func (w *World) End(ctx context.Context, event, answer []byte) (Ending, []Letter, error) {
	records := recordsOf(event)
	place := func(messageID string) int {
		return slices.IndexFunc(records, func(r record) bool { return r.MessageID == messageID })
	}
	e := Ending{Suspended: w.directory.Suspended()}
	var response events.SQSEventResponse
	if err := json.Unmarshal(answer, &response); err != nil {
		return e, nil, fmt.Errorf("reading the function's answer: %w", err)
	}
	for _, failure := range response.BatchItemFailures {
		e.HandedBack = append(e.HandedBack, place(failure.ItemIdentifier))
	}
	for _, calls := range w.Chime.Calls() {
		e.Calls += calls
	}
	var letters []Letter
	for {
		received, err := w.queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &w.letters, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
		})
		if err != nil {
			return e, nil, fmt.Errorf("receiving the dead letters: %w", err)
		}
		if len(received.Messages) == 0 {
			break
		}
		for _, message := range received.Messages {
			text := func(name string) string { return aws.ToString(message.MessageAttributes[name].StringValue) }
			letter := Letter{Message: place(text("SourceMessageId")), ErrorCode: text("ErrorCode"), ErrorMessage: text("ErrorMessage")}
			if letter.Message < 0 {
				return e, nil, fmt.Errorf("the dead letter %q is of no message of the event", *message.Body)
			}
			if letter.ErrorCode != "InvalidRequest" {
				err = json.Unmarshal([]byte(*message.Body), &letter.User)
			} else if !slices.ContainsFunc(records, func(r record) bool { return r.MessageID == text("SourceMessageId") && r.Body == *message.Body }) {
				err = errors.New("it should be the message's own")
			}
			if err != nil {
				return e, nil, fmt.Errorf("reading the body %q of a dead letter of message %d: %w", *message.Body, letter.Message, err)
			}
			letters = append(letters, letter)
		}
	}
	slices.SortFunc(letters, func(a, b Letter) int { return strings.Compare(a.String(), b.String()) })
	for _, letter := range letters {
		e.Letters = append(e.Letters, letter.String())
	}
	return e, letters, nil
}
