package worker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/chime/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	gocmp "github.com/google/go-cmp/cmp"

	"chime-offboarding/internal/chime"
	"chime-offboarding/internal/httpclient"
	"chime-offboarding/internal/local/chimeserver"
	"chime-offboarding/internal/local/queueserver"
	"chime-offboarding/internal/queue"
)

const requestID = "0d5a8f5e-9f2b-4b0e-8a57-2f1f6ad9c1b4"

// world is a worker with what it meets: a stand-in of Chime and one of SQS, both over real HTTP.
type world struct {
	t       testing.TB
	config  Config
	chime   *chimeserver.Server
	dir     *chimeserver.Directory
	sqs     *sqs.Client
	letters string // URL of the dead-letter queue
	source  string // URL of the source queue
	output  lockedBuffer

	// beforeChime and beforeQueue, if set, answer a request instead of the stand-in when they return true.
	beforeChime, beforeQueue func(http.ResponseWriter, *http.Request) bool
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// newWorld has the accounts acme (EnterpriseLWA) with the users ada, ben, cleo and u01 to u99, and team (Team) with tom and
// tess. What is set in config is kept.
func newWorld(tb testing.TB, config Config, faults ...chimeserver.User) *world {
	tb.Helper()
	w := &world{t: tb, config: config, dir: chimeserver.NewDirectory()}
	acme := chimeserver.Account{AccountID: "acme", Name: "Acme", AccountType: types.AccountTypeEnterpriseLWA, Users: faults}
	for _, id := range []string{"ada", "ben", "cleo"} {
		acme.Users = append(acme.Users, chimeserver.User{UserID: id})
	}
	for i := 1; i < 100; i++ {
		acme.Users = append(acme.Users, chimeserver.User{UserID: fmt.Sprintf("u%02d", i)})
	}
	team := chimeserver.Account{AccountID: "team", Name: "Team", AccountType: types.AccountTypeTeam, Users: []chimeserver.User{{UserID: "tom"}, {UserID: "tess"}}}
	for _, account := range []chimeserver.Account{acme, team} {
		if err := w.dir.AddAccount(account); err != nil {
			tb.Fatal(err)
		}
	}
	w.chime = chimeserver.New(w.dir)
	chimeURL := w.serve(w.chime, &w.beforeChime)
	queueURL := w.serve(queueserver.New(queueserver.Config{Region: "us-east-1", AccountID: "123456789012"}), &w.beforeQueue)

	cfg := func(endpoint string) aws.Config {
		return aws.Config{Region: "us-east-1", BaseEndpoint: &endpoint, HTTPClient: httpclient.New(0), Credentials: aws.CredentialsProviderFunc(
			func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "SECRETTEST"}, nil
			})}
	}
	w.sqs = sqs.NewFromConfig(cfg(queueURL))
	w.letters = w.createQueue("dead-letters")
	w.source = w.createQueue("requests")

	deadLetters, err := url.Parse(w.letters)
	if err != nil {
		tb.Fatal(err)
	}
	w.config.Chime = chime.NewClient(cfg(chimeURL))
	w.config.Queue = queue.NewClient(cfg(queueURL), deadLetters)
	w.config.MaxReceiveCount = cmp.Or(w.config.MaxReceiveCount, 5)
	w.config.Concurrency = cmp.Or(w.config.Concurrency, 1)
	w.config.FunctionName = "suspend-users"
	w.config.Output = &w.output
	w.config.Log = NewLogger(&w.output, slog.LevelDebug)
	return w
}

func (w *world) serve(handler http.Handler, before *func(http.ResponseWriter, *http.Request) bool) string {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if *before == nil || !(*before)(rw, r) {
			handler.ServeHTTP(rw, r)
		}
	}))
	w.t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

func (w *world) createQueue(name string) string {
	out, err := w.sqs.CreateQueue(w.t.Context(), &sqs.CreateQueueInput{QueueName: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.QueueUrl
}

// msg is a message as the event has it; its ID is m1, m2, … by its place.
type msg struct {
	id    string
	body  string
	count int // ApproximateReceiveCount; 1 if 0
}

func ask(account string, users ...string) string {
	return fmt.Sprintf(`{"accountId": %q, "userIds": ["%s"]}`, account, strings.Join(users, `", "`))
}

// event returns the payload of an event of these messages.
func (w *world) event(messages ...msg) []byte {
	event := events.SQSEvent{Records: []events.SQSMessage{}}
	for i, m := range messages {
		if m.id == "" {
			m.id = "m" + strconv.Itoa(i+1)
		}
		event.Records = append(event.Records, events.SQSMessage{
			MessageId:      m.id,
			ReceiptHandle:  "receipt-" + m.id,
			Body:           m.body,
			Attributes:     map[string]string{"ApproximateReceiveCount": strconv.Itoa(max(m.count, 1))},
			EventSource:    "aws:sqs",
			EventSourceARN: "arn:aws:sqs:us-east-1:123456789012:requests",
			AWSRegion:      "us-east-1",

			MessageAttributes: map[string]events.SQSMessageAttribute{}, // Lambda has no null there.
		})
	}
	payload, err := json.Marshal(event)
	if err != nil {
		w.t.Fatal(err)
	}
	return payload
}

// invoke hands the worker an event and returns the IDs of the messages handed back.
func (w *world) invoke(timeout time.Duration, messages ...msg) []string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(lambdacontext.NewContext(w.t.Context(), &lambdacontext.LambdaContext{AwsRequestID: requestID}), timeout)
	defer cancel()
	response, err := New(w.config).Invoke(ctx, w.event(messages...))
	if err != nil {
		w.t.Fatalf("Invoke: %v", err)
	}
	if ctx.Err() != nil {
		w.t.Error("the answer comes after the deadline")
	}
	var partial events.SQSEventResponse
	if err := json.Unmarshal(response, &partial); err != nil || partial.BatchItemFailures == nil {
		w.t.Fatalf("the answer is %s (%v), want a list of batchItemFailures", response, err)
	}
	ids := []string{}
	for _, failure := range partial.BatchItemFailures {
		ids = append(ids, failure.ItemIdentifier)
	}
	return ids
}

// letter is a dead letter as the queue has it, attributes as NAME=value.
type letter struct {
	Body       string
	Attributes map[string]string
}

// receiveLetters returns all dead letters, ordered by message and body.
func (w *world) receiveLetters() []letter {
	w.t.Helper()
	var letters []letter
	for {
		out, err := w.sqs.ReceiveMessage(w.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &w.letters, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"}})
		if err != nil {
			w.t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			break
		}
		for _, m := range out.Messages {
			l := letter{Body: *m.Body, Attributes: map[string]string{}}
			for name, value := range m.MessageAttributes {
				l.Attributes[name] = *value.StringValue
			}
			letters = append(letters, l)
		}
	}
	slices.SortFunc(letters, func(a, b letter) int {
		return strings.Compare(a.Attributes["SourceMessageId"]+a.Body, b.Attributes["SourceMessageId"]+b.Body)
	})
	return letters
}

// codes returns the dead letters as "MESSAGE CODE USER", the user being empty for an invalid message.
func (w *world) codes() []string {
	codes := []string{}
	for _, l := range w.receiveLetters() {
		var body struct{ UserID string }
		_ = json.Unmarshal([]byte(l.Body), &body)
		codes = append(codes, strings.TrimSpace(l.Attributes["SourceMessageId"]+" "+l.Attributes["ErrorCode"]+" "+body.UserID))
	}
	return codes
}

// lines returns the lines of the output, each an object, that have all the members given.
func (w *world) lines(members map[string]any) []map[string]any {
	w.t.Helper()
	var lines []map[string]any
	for text := range strings.Lines(w.output.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			w.t.Fatalf("%q is not a line of JSON: %v", text, err)
		}
		matches := true
		for name, value := range members {
			got, ok := line[name]
			matches = matches && ok && (value == nil || got == value)
		}
		if matches {
			lines = append(lines, line)
		}
	}
	return lines
}

// outcomes returns the audit lines as "MESSAGE USER OUTCOME CODE".
func (w *world) outcomes() []string {
	var outcomes []string
	for _, line := range w.lines(map[string]any{"outcome": nil}) {
		code, _ := line["errorCode"].(string)
		outcomes = append(outcomes, strings.TrimSpace(fmt.Sprint(line["messageId"], " ", line["userId"], " ", line["outcome"], " ", code)))
	}
	return outcomes
}

// metrics returns the values of the one metrics line.
func (w *world) metrics() map[string]int {
	w.t.Helper()
	lines := w.lines(map[string]any{"_aws": nil})
	if len(lines) != 1 {
		w.t.Fatalf("got %d metrics lines, want 1", len(lines))
	}
	values := map[string]int{}
	for name, value := range lines[0] {
		if n, ok := value.(float64); ok {
			values[name] = int(n)
		}
	}
	return values
}

// suspended returns who is locked out of the account.
func (w *world) suspended(account string) []string { return w.dir.Suspended()[account] }

func check(tb testing.TB, what string, got, want any) {
	tb.Helper()
	if diff := gocmp.Diff(want, got); diff != "" {
		tb.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func fault(id string, code types.ErrorCode, times int) chimeserver.User {
	f := &chimeserver.Fault{UserErrorCode: &code}
	if times > 0 {
		f.Times = &times
	}
	return chimeserver.User{UserID: id, Fault: f}
}
