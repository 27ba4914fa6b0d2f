package world

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/chime"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"chime-offboarding/internal/queue"
)

// newWorld returns a world, and the URL under which its SQS is served.
func newWorld(t *testing.T, event string) (*World, string) {
	t.Helper()
	w, err := New(t.Context(), strings.NewReader(`{"accounts": [{"accountId": "a", "accountType": "Team", "users": [{"userId": "x"}]}]}`), []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w.Queue)
	t.Cleanup(server.Close)
	return w, server.URL
}

func client(url string) aws.Config {
	return aws.Config{
		BaseEndpoint: &url,
		Region:       region,
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
	}
}

// TestReceive lets the worker's own code decode the event and delay its messages, which takes real receipt handles.
func TestReceive(t *testing.T) {
	const event = `{"Records": [
		{"messageId": "1", "receiptHandle": "made up", "body": "{\"b\": \"<>\"}", "attributes": {"ApproximateReceiveCount": "5"},
			"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:999999999999:jobs", "more": [1.50]},
		{"messageId": "1", "receiptHandle": "made up", "body": "same again",
			"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:999999999999:jobs"}], "more": null}`
	w, url := newWorld(t, event)
	received, err := w.Receive(t.Context(), []byte(event))
	if err != nil {
		t.Fatal(err)
	}

	records, err := queue.DecodeEvent(received)
	if err != nil {
		t.Fatal(err)
	}
	var handedBack []*queue.Record
	for i := range records {
		handedBack = append(handedBack, &records[i])
	}
	worker := queue.NewClient(client(url), mustParse(t, w.Settings("", url)["DEAD_LETTER_QUEUE_URL"]))
	if failed, err := worker.Delay(t.Context(), handedBack); failed > 0 {
		t.Errorf("the visibility of %d messages was not set: %v", failed, err)
	}

	for _, r := range records {
		received = bytes.Replace(received, []byte(fmt.Sprintf("%q", r.ReceiptHandle)), []byte(`"made up"`), 1)
	}
	if diff := cmp.Diff(decode(t, []byte(event)), decode(t, received)); diff != "" {
		t.Errorf("besides the receipt handles the event has changed (-before +after):\n%s", diff)
	}
}

func TestReceiveLeavesTheRestAsItIs(t *testing.T) {
	const record = `{"receiptHandle": "made up", "body": %q, "eventSourceARN": %q}`
	for name, event := range map[string]string{
		"nothing":                  ``,
		"no JSON":                  `Records`,
		"an array":                 `[]`,
		"no records":               `{"detail": {}}`,
		"records that are none":    `{"Records": 5}`,
		"a record that is none":    `{"Records": [5]}`,
		"a FIFO queue":             `{"Records": [` + fmt.Sprintf(record, "body", "arn:aws:sqs:us-east-1:123456789012:jobs.fifo") + `]}`,
		"no queue":                 `{"Records": [` + fmt.Sprintf(record, "body", "") + `]}`,
		"no body":                  `{"Records": [` + fmt.Sprintf(record, "", "arn:aws:sqs:us-east-1:123456789012:jobs") + `]}`,
		"a body that SQS refuses":  `{"Records": [` + fmt.Sprintf(record, "\uffff", "arn:aws:sqs:us-east-1:123456789012:jobs") + `]}`,
		"an event of another kind": `{"Records": [{"eventSource": "aws:s3", "s3": {}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := newWorld(t, event)
			received, err := w.Receive(t.Context(), []byte(event))
			if err != nil {
				t.Fatal(err)
			}
			if json.Valid([]byte(event)) {
				if diff := cmp.Diff(decode(t, []byte(event)), decode(t, received)); diff != "" {
					t.Errorf("the event has changed (-before +after):\n%s", diff)
				}
			} else if string(received) != event {
				t.Errorf("%q has become %q", event, received)
			}
		})
	}
}

func TestReceiveGoesOnBehindWhatSQSDoesNotTake(t *testing.T) {
	const arn = "arn:aws:sqs:us-east-1:123456789012:jobs"
	event := fmt.Sprintf(`{"Records": [{"receiptHandle": "made up", "eventSourceARN": %q}, {"body": "b", "eventSourceARN": %q}]}`, arn, arn)
	w, _ := newWorld(t, event)
	received, err := w.Receive(t.Context(), []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Records []queue.Record }
	if err := json.Unmarshal(received, &got); err != nil {
		t.Fatal(err)
	}
	if r := got.Records; r[0].ReceiptHandle != "made up" || r[1].ReceiptHandle == "" {
		t.Errorf("the receipt handles are %q and %q, want a real one for the second only", r[0].ReceiptHandle, r[1].ReceiptHandle)
	}
}

func TestSettings(t *testing.T) {
	for arn, account := range map[string]string{
		"arn:aws:sqs:us-east-1:999999999999:jobs": "999999999999",
		"arn:aws:sqs:us-east-1::jobs":             "123456789012",
		"jobs":                                    "123456789012",
	} {
		w, _ := newWorld(t, fmt.Sprintf(`{"Records": [{}, {"eventSourceARN": %q}]}`, arn))
		want := map[string]string{
			"AWS_ENDPOINT_URL_CHIME": "http://chime:1",
			"AWS_ENDPOINT_URL_SQS":   "http://sqs:2",
			"DEAD_LETTER_QUEUE_URL":  "http://sqs:2/" + account + "/suspension-dead-letters",
		}
		if diff := cmp.Diff(want, w.Settings("http://chime:1", "http://sqs:2")); diff != "" {
			t.Errorf("settings for an event of %s (-want +got):\n%s", arn, diff)
		}
	}
}

func TestAWorldNeedsADirectory(t *testing.T) {
	if _, err := New(t.Context(), strings.NewReader(`{}`), nil); err == nil || !strings.Contains(err.Error(), "/accounts") {
		t.Errorf("without accounts the error is %v, want one about /accounts", err)
	}
}

const twoMessages = `{"Records": [{"messageId": "m0", "body": "first"}, {"messageId": "m1", "body": "second"}]}`

func TestEnd(t *testing.T) {
	w, url := newWorld(t, twoMessages)
	server := httptest.NewServer(w.Chime)
	t.Cleanup(server.Close)
	for _, account := range []string{"a", "a", "b"} {
		input := &chime.BatchSuspendUserInput{AccountId: &account, UserIdList: []string{"x"}}
		if _, err := chime.NewFromConfig(client(server.URL)).BatchSuspendUser(t.Context(), input); err != nil && account == "a" {
			t.Error(err)
		}
	}
	sendLetter(t, w, url, "m1", "InvalidRequest", "second")
	sendLetter(t, w, url, "m0", "NotFound", `{"accountId": "a", "userId": "u", "correlationId": "c"}`)
	want := Ending{
		HandedBack: []int{1, 0, -1},
		Letters:    []string{"0 NotFound u", "1 InvalidRequest"},
		Suspended:  map[string][]string{"a": {"x"}},
		Calls:      3,
	}
	got, letters, err := w.End(t.Context(), []byte(twoMessages),
		[]byte(`{"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m0"}, {"itemIdentifier": "m2"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the ending (-want +got):\n%s", diff)
	}
	first := Letter{Message: 0, ErrorCode: "NotFound", ErrorMessage: "Because."}
	first.User.AccountID, first.User.UserID = "a", "u"
	if diff := cmp.Diff([]Letter{first, {Message: 1, ErrorCode: "InvalidRequest", ErrorMessage: "Because."}}, letters); diff != "" {
		t.Errorf("the letters (-want +got):\n%s", diff)
	}
}

func TestWhatEndsNoEvent(t *testing.T) {
	for name, test := range map[string]struct {
		answer, message, code, body string
		want                        string
	}{
		"no answer":                     {answer: `null pointer`, want: "reading the function's answer"},
		"a letter of no message":        {message: "m2", code: "NotFound", body: `{}`, want: "is of no message of the event"},
		"a letter that has no user":     {message: "m1", code: "NotFound", body: `second`, want: `reading the body "second" of a dead letter of message 1`},
		"an invalid message's new body": {message: "m1", code: "InvalidRequest", body: `first`, want: "it should be the message's own"},
	} {
		t.Run(name, func(t *testing.T) {
			w, url := newWorld(t, twoMessages)
			if test.answer == "" {
				test.answer = `{}`
				sendLetter(t, w, url, test.message, test.code, test.body)
			}
			if _, _, err := w.End(t.Context(), []byte(twoMessages), []byte(test.answer)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want %q", err, test.want)
			}
		})
	}
}

// sendLetter sends a dead letter as the function does.
func sendLetter(t *testing.T, w *World, sqsURL, message, code, body string) {
	t.Helper()
	text := func(value string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
	}
	_, err := sqs.NewFromConfig(client(sqsURL)).SendMessage(t.Context(), &sqs.SendMessageInput{
		QueueUrl:    aws.String(w.Settings("", sqsURL)["DEAD_LETTER_QUEUE_URL"]),
		MessageBody: &body,
		MessageAttributes: map[string]types.MessageAttributeValue{
			"SourceMessageId": text(message), "ErrorCode": text(code), "ErrorMessage": text("Because."),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDifferences(t *testing.T) {
	told := Ending{
		HandedBack: []int{0, 2},
		Letters:    []string{"1 NotFound u", "1 NotFound u"},
		Suspended:  map[string][]string{"a": {"x", "y"}, "b": {"z"}},
		Calls:      2,
	}
	for name, test := range map[string]struct {
		change func(*Ending)
		want   []string
	}{
		"none":                  {func(*Ending) {}, nil},
		"another order":         {func(e *Ending) { e.HandedBack = []int{2, 0} }, []string{"- messages handed back: [0 2]", "+ messages handed back: [2 0]"}},
		"nothing handed back":   {func(e *Ending) { e.HandedBack = nil }, []string{"- messages handed back: [0 2]", "+ messages handed back: []"}},
		"one letter for two":    {func(e *Ending) { e.Letters = e.Letters[:1] }, []string{"- dead letter of message 1 NotFound u"}},
		"a letter more":         {func(e *Ending) { e.Letters = append(e.Letters, "2 Forbidden v") }, []string{"+ dead letter of message 2 Forbidden v"}},
		"a user of the other":   {func(e *Ending) { e.Suspended = map[string][]string{"a": {"x", "z"}, "b": {"y"}} }, []string{"- suspended: y of a", "- suspended: z of b", "+ suspended: z of a", "+ suspended: y of b"}},
		"nobody suspended":      {func(e *Ending) { e.Suspended = nil }, []string{"- suspended: x of a", "- suspended: y of a", "- suspended: z of b"}},
		"more calls than told":  {func(e *Ending) { e.Calls = 3 }, []string{"- calls of Chime: 2", "+ calls of Chime: 3"}},
		"an empty list for nil": {func(e *Ending) { e.Suspended["c"] = []string{} }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			really := Ending{told.HandedBack, slices.Clone(told.Letters), map[string][]string{"a": {"x", "y"}, "b": {"z"}}, told.Calls}
			test.change(&really)
			if diff := cmp.Diff(test.want, told.Differences(really)); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadEnding(t *testing.T) {
	path := t.TempDir() + "/ending.json"
	for text, want := range map[string]string{
		`{"calls": 1, "handedback": []}`:  "",
		`{"calls": 1, "dead letters": 3}`: `unknown field "dead letters"`,
		`{"calls": "1"}`:                  "calls",
		``:                                path,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := ReadEnding(path)
		switch {
		case want == "" && (err != nil || e.Calls != 1):
			t.Errorf("%s is read as %+v, %v", text, e, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("the error for %s is %v, want %q", text, err, want)
		}
	}
	if _, err := ReadEnding(path + "5"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the error for a file that is not there is %v", err)
	}
}

func decode(t *testing.T, text []byte) any {
	t.Helper()
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func mustParse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
