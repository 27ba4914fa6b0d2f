package main

import (
	"bytes"
	"encoding/json"
	"fmt"
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

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"chime-offboarding/internal/httpclient"
	"chime-offboarding/internal/local/chimeserver"
	"chime-offboarding/internal/local/lambdaserver"
	"chime-offboarding/internal/local/queueserver"
)

const eventsFolder = "../../events"

// story is how an event ends that is handed to the function as it is. Messages are named by their place in the event.
type story struct {
	HandedBack []int
	Letters    []string            // MESSAGE CODE USER
	Suspended  map[string][]string // by account
	Calls      int                 // of Chime
}

var stories = map[string]story{
	"one-request.json": {
		Suspended: map[string][]string{"acme-enterprise": {"ada-lovelace"}},
		Calls:     1,
	},
	"many-accounts.json": {
		Suspended: map[string][]string{
			"acme-enterprise": {"alan-turing", "barbara-liskov", "grace-hopper"},
			"acme-studios":    {"delia-derbyshire", "hedy-lamarr"},
			"acme-team":       {"katherine-johnson", "margaret-hamilton"},
		},
		Calls: 3,
	},
	"eventbridge-offboarding.json": {
		Suspended: map[string][]string{"acme-enterprise": {"edsger-dijkstra"}, "acme-team": {"dorothy-vaughan", "mary-jackson"}},
		Calls:     2,
	},
	"sns-notification.json": {
		Suspended: map[string][]string{"acme-enterprise": {"john-backus"}},
		Calls:     1,
	},
	"hr-event.json": {
		Suspended: map[string][]string{"acme-studios": {"suzanne-ciani", "wendy-carlos"}},
		Calls:     1,
	},
	"invalid-bodies.json": {
		Letters: []string{
			"1 InvalidRequest ", "2 InvalidRequest ", "3 InvalidRequest ", "4 InvalidRequest ", "5 InvalidRequest ",
			"6 InvalidRequest ", "7 InvalidRequest ", "8 InvalidRequest ", "9 InvalidRequest ",
		},
		Suspended: map[string][]string{"acme-enterprise": {"tony-hoare"}},
		Calls:     1,
	},
	"user-errors.json": {
		HandedBack: []int{0, 1, 2, 3, 4},
		Letters: []string{
			"5 AccessDenied access-denied",
			"5 BadRequest bad-request",
			"5 CodeOfTomorrow code-of-tomorrow",
			"5 Forbidden forbidden",
			"5 NotFound not-in-the-directory",
			"5 PhoneNumberAssociationsExist phone-number-associated",
			"5 PreconditionFailed precondition-failed",
			"5 ResourceLimitExceeded resource-limit-exceeded",
			"5 Unauthorized unauthorized",
			"5 Unknown without-a-code",
			"5 Unprocessable unprocessable",
			"5 VoiceConnectorGroupAssociationsExist connector-group-associated",
		},
		Suspended: map[string][]string{"acme-trouble": {"without-trouble"}},
		Calls:     1,
	},
	"last-delivery.json": {
		Letters:   []string{"0 Throttled always-throttled"},
		Suspended: map[string][]string{"acme-trouble": {"works-on-the-last-try"}},
		Calls:     1,
	},
	"protected-user.json": {
		Letters:   []string{"0 ProtectedUser the-ceo", "1 ProtectedUser Break-Glass-Admin", "2 AccountNotAllowed ada-lovelace"},
		Suspended: map[string][]string{"acme-enterprise": {"niklaus-wirth"}},
		Calls:     1,
	},
	"refused-batch.json": {
		Letters:   []string{"0 BadRequest refuses-the-batch"},
		Suspended: map[string][]string{"acme-team": {"annie-easley", "christine-darden", "evelyn-boyd-granville", "mary-golda-ross"}},
		Calls:     5, // All five, the two, the three, and the three as one and two.
	},
	"forbidden-account.json": {
		HandedBack: []int{0},
		Calls:      1,
	},
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
	directory, err := chimeserver.Load(bytes.NewReader(read(t, "local/directory.json")))
	if err != nil {
		t.Fatal(err)
	}
	chime := chimeserver.New(directory)
	queueURL := serve(t, queueserver.New(queueserver.Config{Region: "us-east-1", AccountID: "123456789012"}))
	queues := sqs.New(sqs.Options{
		BaseEndpoint: &queueURL,
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient:   httpclient.New(0),
	})
	deadLetters, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("suspension-dead-letters")})
	if err != nil {
		t.Fatal(err)
	}

	chimeURL := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before == nil || !before(w, r) {
			chime.ServeHTTP(w, r)
		}
	}))
	var file struct{ Parameters map[string]string }
	if err := json.Unmarshal(read(t, "local/settings.json"), &file); err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{
		"AWS_ACCESS_KEY_ID":      "local",
		"AWS_SECRET_ACCESS_KEY":  "local",
		"AWS_SAM_LOCAL":          "true",
		"AWS_ENDPOINT_URL_CHIME": chimeURL,
		"AWS_ENDPOINT_URL_SQS":   queueURL,
		"DEAD_LETTER_QUEUE_URL":  *deadLetters.QueueUrl,
	}
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

	var sent events.SQSEvent
	var response events.SQSEventResponse
	if err := json.Unmarshal(event, &sent); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(result.Payload, &response); err != nil {
		t.Fatal(err)
	}
	place := func(messageID string) int {
		return slices.IndexFunc(sent.Records, func(m events.SQSMessage) bool { return m.MessageId == messageID })
	}
	got := story{Suspended: directory.Suspended()}
	for _, failure := range response.BatchItemFailures {
		got.HandedBack = append(got.HandedBack, place(failure.ItemIdentifier))
	}
	for _, calls := range chime.Calls() {
		got.Calls += calls
	}
	for {
		letters, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: deadLetters.QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(letters.Messages) == 0 {
			break
		}
		for _, letter := range letters.Messages {
			message := place(*letter.MessageAttributes["SourceMessageId"].StringValue)
			code := *letter.MessageAttributes["ErrorCode"].StringValue
			var body struct{ UserID string }
			if code != "InvalidRequest" {
				err = json.Unmarshal([]byte(*letter.Body), &body)
			} else if *letter.Body != sent.Records[message].Body {
				t.Errorf("the letter of message %d has the body %q, want the message's own", message, *letter.Body)
			}
			if err != nil {
				t.Fatal(err)
			}
			got.Letters = append(got.Letters, fmt.Sprintf("%d %s %s", message, code, body.UserID))
		}
	}
	slices.Sort(got.Letters)
	return got
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
