package lambdaserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"chime-offboarding/internal/httpclient"
	"chime-offboarding/internal/local/queueserver"
)

// queue is a queue with a visibility timeout that no test outlasts, on a
// server whose clock runs a hundred times as fast.
type queue struct {
	client *sqs.Client
	url    string
}

// newQueue returns a queue. Its server answers a call itself where intercept
// does not, which is given the name of the operation.
func newQueue(t *testing.T, intercept func(w http.ResponseWriter, operation string, body []byte) bool) *queue {
	t.Helper()
	handler := queueserver.New(queueserver.Config{Region: "eu-west-1", AccountID: "123456789012", Speed: 100})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading a call: %v", err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if intercept == nil || !intercept(w, operation, body) {
			handler.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	client := sqs.New(sqs.Options{
		BaseEndpoint: aws.String(server.URL),
		Region:       "eu-west-1",
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient:   httpclient.New(0),
	})
	created, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{
		QueueName:  aws.String("suspensions"),
		Attributes: map[string]string{"VisibilityTimeout": "43200"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &queue{client, *created.QueueUrl}
}

// send returns the IDs of the messages.
func (q *queue) send(t *testing.T, bodies ...string) []string {
	t.Helper()
	var ids []string
	for _, body := range bodies {
		sent, err := q.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &body})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, *sent.MessageId)
	}
	return ids
}

// count returns how many messages can be received and how many are in flight.
func (q *queue) count(t *testing.T) (visible, inFlight int) {
	t.Helper()
	const visibleName, inFlightName = types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible
	output, err := q.client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl:       &q.url,
		AttributeNames: []types.QueueAttributeName{visibleName, inFlightName},
	})
	if err != nil {
		t.Fatal(err)
	}
	visible, err = strconv.Atoi(output.Attributes[string(visibleName)])
	if err != nil {
		t.Fatal(err)
	}
	inFlight, err = strconv.Atoi(output.Attributes[string(inFlightName)])
	if err != nil {
		t.Fatal(err)
	}
	return visible, inFlight
}

func (q *queue) wantCount(t *testing.T, wantVisible, wantInFlight int) {
	t.Helper()
	if visible, inFlight := q.count(t); visible != wantVisible || inFlight != wantInFlight {
		t.Errorf("%d messages are visible and %d in flight, want %d and %d", visible, inFlight, wantVisible, wantInFlight)
	}
}

// start runs a mapping of the queue. What it observes is in the channel;
// stop ends it and waits for that.
func (q *queue) start(t *testing.T, m Mapping) (observed <-chan Invocation, stop func()) {
	t.Helper()
	invocations := make(chan Invocation, 100)
	m.Client, m.QueueURL = q.client, q.url
	m.BatchSize = max(m.BatchSize, 1)
	m.Concurrency = max(m.Concurrency, 1)
	m.Observe = func(i Invocation) { invocations <- i }
	if m.Logger == nil {
		m.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- m.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("running the mapping: %v", err)
		}
	})
	t.Cleanup(stop)
	return invocations, stop
}

// succeed is a function that does nothing.
func succeed(context.Context, []byte) (Result, error) { return Result{RequestID: "r1"}, nil }

func decode(t *testing.T, event []byte) []events.SQSMessage {
	t.Helper()
	var decoded events.SQSEvent
	if err := json.Unmarshal(event, &decoded); err != nil {
		t.Errorf("decoding an event: %v", err)
	}
	return decoded.Records
}

func TestMappingWithWorker(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	f := newFunction(t, "suspend")
	ids := q.send(t, "suspend", "retry", "suspend", "retry")
	observed, _ := q.start(t, Mapping{Invoke: f.Invoke, BatchSize: 4, Window: time.Minute})

	got := <-observed
	if got.RequestID == "" || got.Duration <= 0 {
		t.Errorf("got the request ID %q and the duration %v", got.RequestID, got.Duration)
	}
	got.RequestID, got.Duration = "", 0
	slices.Sort(got.HandedBack)
	want := Invocation{Messages: 4, HandedBack: []string{ids[1], ids[3]}}
	slices.Sort(want.HandedBack)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the invocation differs (-want +got):\n%s", diff)
	}
	q.wantCount(t, 0, 2)
}

func TestMappingOfFailingFunction(t *testing.T) {
	t.Parallel()
	failure := &FunctionError{"Runtime.ExitError", "Runtime exited with error: exit status 1"}
	tests := []struct {
		name   string
		invoke func(context.Context, []byte) (Result, error)
		want   error
	}{
		{"a function error", func(context.Context, []byte) (Result, error) { return Result{}, failure }, failure},
		{"an unreadable response", func(context.Context, []byte) (Result, error) { return Result{Payload: []byte("{")}, nil }, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			q := newQueue(t, nil)
			ids := q.send(t, "first", "second")
			observed, _ := q.start(t, Mapping{Invoke: test.invoke, BatchSize: 2, Window: time.Minute})
			got := <-observed
			slices.Sort(ids)
			slices.Sort(got.HandedBack)
			if diff := cmp.Diff(ids, got.HandedBack); diff != "" {
				t.Errorf("the messages handed back differ (-want +got):\n%s", diff)
			}
			if got.Err == nil || test.want != nil && !errors.Is(got.Err, test.want) {
				t.Errorf("got the error %v, want %v", got.Err, test.want)
			}
			q.wantCount(t, 0, 2)
		})
	}
}

func TestRedeliverAfter(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	q.send(t, "retry")
	counts := make(chan string, 2)
	var deliveries atomic.Int32
	observed, _ := q.start(t, Mapping{RedeliverAfter: time.Second, Invoke: func(_ context.Context, event []byte) (Result, error) {
		records := decode(t, event)
		counts <- records[0].Attributes["ApproximateReceiveCount"]
		if deliveries.Add(1) > 1 {
			return Result{}, nil
		}
		return Result{Payload: fmt.Appendf(nil, `{"batchItemFailures": [{"itemIdentifier": %q}]}`, records[0].MessageId)}, nil
	}})
	<-observed
	<-observed
	if first, second := <-counts, <-counts; first != "1" || second != "2" {
		t.Errorf("got the receive counts %s and %s", first, second)
	}
	q.wantCount(t, 0, 0)
}

func TestWindow(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	q.send(t, make12()...)
	observed, _ := q.start(t, Mapping{Invoke: succeed, BatchSize: 10_000, Window: 300 * time.Millisecond})
	if got := <-observed; got.Messages != 12 {
		t.Errorf("the event has %d messages, want all 12", got.Messages)
	}
	q.wantCount(t, 0, 0)
}

func make12() []string { return strings.Split("abcdefghijkl", "") }

func TestNoWindow(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	q.send(t, make12()...)
	observed, _ := q.start(t, Mapping{Invoke: succeed, BatchSize: 10_000})
	if first, second := <-observed, <-observed; first.Messages != 10 || second.Messages != 2 {
		t.Errorf("got events of %d and %d messages, want 10 and 2", first.Messages, second.Messages)
	}
}

func TestStopReleasesWhatIsNotInvoked(t *testing.T) {
	t.Parallel()
	received := make(chan struct{}, 100)
	q := newQueue(t, func(_ http.ResponseWriter, operation string, _ []byte) bool {
		if operation == "ReceiveMessage" {
			received <- struct{}{}
		}
		return false
	})
	q.send(t, make12()...)
	_, stop := q.start(t, Mapping{BatchSize: 100, Window: time.Hour, Invoke: func(context.Context, []byte) (Result, error) {
		t.Error("the function was invoked, though the window is open")
		return Result{}, nil
	}})
	for range 1 + parallelCalls + 1 { // The messages are there, and the next receive waits for more.
		<-received
	}
	q.wantCount(t, 0, 12)
	stop()
	q.wantCount(t, 12, 0)
}

func TestStopWaitsForInvocations(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	q.send(t, "one")
	started, finish := make(chan struct{}), make(chan struct{})
	observed, stop := q.start(t, Mapping{Invoke: func(ctx context.Context, _ []byte) (Result, error) {
		close(started)
		<-finish
		return Result{}, ctx.Err()
	}})
	<-started
	go func() { close(finish) }()
	stop()
	select {
	case got := <-observed:
		if got.Err != nil {
			t.Errorf("the invocation was cancelled: %v", got.Err)
		}
	default:
		t.Error("the mapping ended before its invocation")
	}
	q.wantCount(t, 0, 0)
}

func TestMappingConcurrency(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	q.send(t, make12()...)
	var running atomic.Int32
	arrived, finish := make(chan struct{}, 12), make(chan struct{})
	observed, _ := q.start(t, Mapping{Concurrency: 3, Invoke: func(context.Context, []byte) (Result, error) {
		if n := running.Add(1); n > 3 {
			t.Errorf("%d invocations run at once, want 3", n)
		}
		defer running.Add(-1)
		arrived <- struct{}{}
		<-finish
		return Result{}, nil
	}})
	for range 3 {
		<-arrived
	}
	q.wantCount(t, 9, 3) // Nothing is received that no invocation is free for.
	close(finish)
	for range 12 {
		<-observed
	}
	q.wantCount(t, 0, 0)
}

func TestLargeMessagesAreSpread(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	for range 8 {
		q.send(t, strings.Repeat("x", 1_000_000))
	}
	sizes := make(chan int, 2)
	observed, _ := q.start(t, Mapping{BatchSize: 8, Window: 200 * time.Millisecond, Invoke: func(_ context.Context, event []byte) (Result, error) {
		sizes <- len(event)
		return Result{}, nil
	}})
	if first, second := <-observed, <-observed; first.Messages != 6 || second.Messages != 2 {
		t.Errorf("got events of %d and %d messages, want 6 and 2", first.Messages, second.Messages)
	}
	if first := <-sizes; first > maxPayload {
		t.Errorf("the event has %d bytes, want at most %d", first, maxPayload)
	}
	q.wantCount(t, 0, 0)
}

func TestDeletesAreRepeated(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, answer string }{
		{"an entry was refused", `{"Successful": [], "Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": false}]}`},
		{"an entry is in neither list", `{"Successful": [], "Failed": []}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var deletes atomic.Int32
			q := newQueue(t, func(w http.ResponseWriter, operation string, _ []byte) bool {
				if operation != "DeleteMessageBatch" || deletes.Add(1) > 1 {
					return false
				}
				w.Header().Set("Content-Type", "application/x-amz-json-1.0")
				_, err := io.WriteString(w, test.answer)
				return err == nil
			})
			q.send(t, "one")
			observed, _ := q.start(t, Mapping{Invoke: succeed})
			<-observed
			if deletes.Load() != 2 {
				t.Errorf("got %d calls to delete, want 2", deletes.Load())
			}
			q.wantCount(t, 0, 0)
		})
	}
}

func TestPollingSurvivesErrors(t *testing.T) {
	t.Parallel()
	var receives atomic.Int32
	q := newQueue(t, func(w http.ResponseWriter, operation string, _ []byte) bool {
		if operation != "ReceiveMessage" || receives.Add(1) > 1 {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	q.send(t, "one")
	var logged bytes.Buffer
	observed, stop := q.start(t, Mapping{Invoke: succeed, Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	<-observed
	stop()
	if n := strings.Count(logged.String(), "receiving messages failed"); n != 1 {
		t.Errorf("%d failed receives were logged, want 1:\n%s", n, logged.String())
	}
}

func TestEmptyQueueIsPolledLong(t *testing.T) {
	t.Parallel()
	waits := make(chan int, 100)
	q := newQueue(t, func(_ http.ResponseWriter, operation string, body []byte) bool {
		var input struct{ WaitTimeSeconds int }
		if err := json.Unmarshal(body, &input); err != nil {
			t.Error(err)
		}
		if operation == "ReceiveMessage" {
			waits <- input.WaitTimeSeconds
		}
		return false
	})
	observed, _ := q.start(t, Mapping{Invoke: succeed, Concurrency: 10})
	for range shortPolls {
		if wait := <-waits; wait != 0 {
			t.Errorf("an early receive waits for %d seconds, want 0", wait)
		}
	}
	for range 2 {
		if wait := <-waits; wait != 1 {
			t.Errorf("a later receive waits for %d seconds, want 1", wait)
		}
	}
	q.send(t, "one")
	<-observed
}

func TestQueueThatCannotBePolled(t *testing.T) {
	t.Parallel()
	q := newQueue(t, nil)
	tests := []struct {
		name    string
		mapping Mapping
		want    string // part of the error
	}{
		{"there is no such queue", Mapping{QueueURL: q.url + "-dlq", BatchSize: 1, Concurrency: 1}, "asking for the ARN"},
		{"the batch size is not set", Mapping{QueueURL: q.url, Concurrency: 1}, "the batch size is 0"},
		{"the batch size is too large", Mapping{QueueURL: q.url, BatchSize: 10_001, Concurrency: 1}, "the batch size is 10001"},
		{"the concurrency is not set", Mapping{QueueURL: q.url, BatchSize: 1}, "the concurrency is 0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.mapping.Client = q.client
			if err := test.mapping.Run(t.Context()); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got the error %v, want one with %q", err, test.want)
			}
		})
	}
}
