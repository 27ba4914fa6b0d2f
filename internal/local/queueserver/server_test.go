package queueserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"chime-offboarding/internal/httpclient"
)

var testConfig = Config{Region: "eu-west-1", AccountID: "123456789012"}

// client is the real SDK's client and the server that it talks to. Its methods for tests never end a test, so that other
// goroutines than the test's own can call them.
type client struct {
	*sqs.Client
	server *Server
}

// start returns a client of a new server over HTTP.
func start(tb testing.TB) client {
	tb.Helper()
	server := New(testConfig)
	listener := httptest.NewServer(server)
	tb.Cleanup(listener.Close)
	return newClient(server, listener.URL, httpclient.New(0))
}

// startInBubble returns a client that calls a new server without a network, so that time is the bubble's.
func startInBubble(config Config) client {
	server := New(config)
	return newClient(server, "http://queues.test", direct{server})
}

func newClient(server *Server, endpoint string, httpClient sqs.HTTPClient) client {
	return client{server: server, Client: sqs.New(sqs.Options{
		Region:           testConfig.Region,
		BaseEndpoint:     aws.String(endpoint),
		HTTPClient:       httpClient,
		RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	})}
}

// direct is an HTTP client of one handler.
type direct struct{ http.Handler }

func (d direct) Do(r *http.Request) (*http.Response, error) {
	r.Host = r.URL.Host
	recorder := httptest.NewRecorder()
	d.ServeHTTP(recorder, r)
	return recorder.Result(), r.Context().Err()
}

// create makes a queue with attributes, given as name and value in turn, and returns its URL.
func (c client) create(tb testing.TB, name string, attributes ...string) *string {
	tb.Helper()
	in := &sqs.CreateQueueInput{QueueName: &name, Attributes: map[string]string{}}
	for pair := range slices.Chunk(attributes, 2) {
		in.Attributes[pair[0]] = pair[1]
	}
	out, err := c.CreateQueue(tb.Context(), in)
	if err != nil {
		tb.Error(err)
		return nil
	}
	return out.QueueUrl
}

func (c client) send(tb testing.TB, queueURL *string, bodies ...string) {
	tb.Helper()
	for _, body := range bodies {
		if _, err := c.SendMessage(tb.Context(), &sqs.SendMessageInput{QueueUrl: queueURL, MessageBody: &body}); err != nil {
			tb.Error(err)
		}
	}
}

func (c client) sendDelayed(tb testing.TB, queueURL *string, seconds int32) {
	tb.Helper()
	in := &sqs.SendMessageInput{QueueUrl: queueURL, MessageBody: aws.String("delayed"), DelaySeconds: seconds}
	if _, err := c.SendMessage(tb.Context(), in); err != nil {
		tb.Error(err)
	}
}

// receive receives up to ten messages, with all that there is about them and with the queue's settings unless changed.
func (c client) receive(tb testing.TB, queueURL *string, changes ...func(*sqs.ReceiveMessageInput)) []types.Message {
	tb.Helper()
	in := &sqs.ReceiveMessageInput{
		QueueUrl:                    queueURL,
		MaxNumberOfMessages:         10,
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	}
	for _, change := range changes {
		change(in)
	}
	out, err := c.ReceiveMessage(tb.Context(), in)
	if err != nil {
		tb.Error(err)
		return nil
	}
	return out.Messages
}

// waiting makes a receive wait as long as it can, for 20 seconds.
func waiting(in *sqs.ReceiveMessageInput) { in.WaitTimeSeconds = maxWait }

// counts returns how many messages are visible, in flight and delayed.
func (c client) counts(tb testing.TB, queueURL *string) [3]string {
	tb.Helper()
	a := c.attributes(tb, queueURL)
	return [3]string{a["ApproximateNumberOfMessages"], a["ApproximateNumberOfMessagesNotVisible"], a["ApproximateNumberOfMessagesDelayed"]}
}

func (c client) attributes(tb testing.TB, queueURL *string) map[string]string {
	tb.Helper()
	out, err := c.GetQueueAttributes(tb.Context(), &sqs.GetQueueAttributesInput{QueueUrl: queueURL, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil {
		tb.Error(err)
		return nil
	}
	return out.Attributes
}

// inASecond does something while the test goes on, and returns a function that waits until it is done.
func inASecond(do func()) (wait func()) {
	var wg sync.WaitGroup
	wg.Go(func() {
		time.Sleep(time.Second)
		do()
	})
	return wg.Wait
}

func bodies(messages []types.Message) []string {
	all := make([]string, len(messages))
	for i, m := range messages {
		all[i] = *m.Body
	}
	return all
}

// wantCode checks the error code that users of the SDK see; an empty one is for success.
func wantCode(tb testing.TB, err error, want string) {
	tb.Helper()
	got := ""
	if refused, ok := errors.AsType[smithy.APIError](err); ok {
		got = refused.ErrorCode()
	} else if err != nil {
		tb.Fatalf("not refused by the server: %v", err)
	}
	if got != want {
		tb.Errorf("got code %q, want %q: %v", got, want, err)
	}
}

func wantEqual[T any](tb testing.TB, got, want T) {
	tb.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		tb.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRequestsAsTheyAreOnTheWire(t *testing.T) {
	const (
		signed  = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=0"
		exactly = maxRequestBytes - len(`{"QueueName":""}`)
	)
	tests := []struct {
		name, authorization, target, body string
		status                            int
		shape, queryError                 string
	}{
		{"a good one", signed, "AmazonSQS.ListQueues", `{}`, 200, "", ""},
		{"with fields that nobody knows", signed, "AmazonSQS.ListQueues", `{"Nobody":1}`, 200, "", ""},
		{"not signed", "", "AmazonSQS.ListQueues", `{}`, 403,
			"com.amazon.coral.service#MissingAuthenticationTokenException", "MissingAuthenticationToken;Sender"},
		{"signed in another way", "Basic YTpi", "AmazonSQS.ListQueues", `{}`, 403,
			"com.amazon.coral.service#MissingAuthenticationTokenException", "MissingAuthenticationToken;Sender"},
		{"without an action", signed, "", `Action=ListQueues`, 400,
			"com.amazon.coral.service#UnknownOperationException", "InvalidAction;Sender"},
		{"for an action that SQS does not have", signed, "AmazonSQS.SendMessages", `{}`, 400,
			"com.amazon.coral.service#UnknownOperationException", "InvalidAction;Sender"},
		{"for another service", signed, "DynamoDB_20120810.ListTables", `{}`, 400,
			"com.amazon.coral.service#UnknownOperationException", "InvalidAction;Sender"},
		{"for an action that is left out", signed, "AmazonSQS.TagQueue", `{}`, 400,
			"com.amazonaws.sqs#UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation;Sender"},
		{"for a queue that does not exist", signed, "AmazonSQS.DeleteQueue", `{"QueueUrl":"http://sqs/123456789012/none"}`, 400,
			"com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue;Sender"},
		{"for a queue of another account", signed, "AmazonSQS.DeleteQueue", `{"QueueUrl":"http://sqs/210987654321/q"}`, 400,
			"com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue;Sender"},
		{"for a queue whose URL is none", signed, "AmazonSQS.DeleteQueue", `{"QueueUrl":"http://[/123456789012/q"}`, 400,
			"com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue;Sender"},
		{"with a receipt handle that is none", signed, "AmazonSQS.DeleteMessage", `{"QueueUrl":"/123456789012/q","ReceiptHandle":"none"}`, 404,
			"com.amazonaws.sqs#ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid;Sender"},
		{"without a receipt handle", signed, "AmazonSQS.DeleteMessage", `{"QueueUrl":"/123456789012/q"}`, 400,
			"com.amazon.coral.service#MissingRequiredParameterException", "MissingParameter;Sender"},
		{"without a visibility timeout", signed, "AmazonSQS.ChangeMessageVisibility", `{"QueueUrl":"/123456789012/q","ReceiptHandle":"x"}`, 400,
			"com.amazon.coral.service#MissingRequiredParameterException", "MissingParameter;Sender"},
		{"without a body of the message", signed, "AmazonSQS.SendMessage", `{"QueueUrl":"/123456789012/q"}`, 400,
			"com.amazon.coral.service#MissingRequiredParameterException", "MissingParameter;Sender"},
		{"with a null entry", signed, "AmazonSQS.SendMessageBatch", `{"QueueUrl":"/123456789012/q","Entries":[null]}`, 400,
			"com.amazonaws.sqs#InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId;Sender"},
		{"with nothing", signed, "AmazonSQS.ListQueues", ``, 400,
			"com.amazon.coral.service#SerializationException", "MalformedInput;Sender"},
		{"with JSON that ends too soon", signed, "AmazonSQS.ListQueues", `{`, 400,
			"com.amazon.coral.service#SerializationException", "MalformedInput;Sender"},
		{"with JSON that goes on", signed, "AmazonSQS.ListQueues", `{}{}`, 400,
			"com.amazon.coral.service#SerializationException", "MalformedInput;Sender"},
		{"with JSON that is not an object", signed, "AmazonSQS.ListQueues", `[]`, 400,
			"com.amazon.coral.service#SerializationException", "MalformedInput;Sender"},
		{"with a string for a number", signed, "AmazonSQS.ListQueues", `{"MaxResults":"1"}`, 400,
			"com.amazon.coral.service#SerializationException", "MalformedInput;Sender"},
		{"with bytes that are not UTF-8", signed, "AmazonSQS.SendMessage", "{\"MessageBody\":\"\xff\"}", 400,
			"com.amazon.coral.service#SerializationException", "MalformedInput;Sender"},
		{"with half a surrogate pair", signed, "AmazonSQS.SendMessage", `{"MessageBody":"\ud800"}`, 400,
			"com.amazon.coral.service#SerializationException", "MalformedInput;Sender"},
		{"with an attribute twice", signed, "AmazonSQS.SendMessage", `{"MessageAttributes":{"a":{},"a":{}}}`, 400,
			"com.amazon.coral.service#SerializationException", "MalformedInput;Sender"},
		{"as long as it may be", signed, "AmazonSQS.GetQueueUrl", `{"QueueName":"` + strings.Repeat("q", exactly) + `"}`, 400,
			"com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue;Sender"},
		{"too long", signed, "AmazonSQS.GetQueueUrl", `{"QueueName":"` + strings.Repeat("q", exactly+1) + `"}`, 413,
			"com.amazon.coral.service#RequestEntityTooLargeException", "RequestEntityTooLarge;Sender"},
	}
	server := New(testConfig)
	newClient(server, "http://queues.test", direct{server}).create(t, "q")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(test.body))
			r.Header.Set("Authorization", test.authorization)
			r.Header.Set("X-Amz-Target", test.target)
			w := httptest.NewRecorder()
			server.ServeHTTP(w, r)

			var answer struct {
				Type    string `json:"__type"`
				Message string `json:"message"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
				t.Fatal(err)
			}
			if (answer.Message == "") != (test.status == 200) {
				t.Errorf("status %d has the message %q", test.status, answer.Message)
			}
			wantEqual(t, w.Code, test.status)
			wantEqual(t, answer.Type, test.shape)
			wantEqual(t, w.Header().Get("x-amzn-query-error"), test.queryError)
			wantEqual(t, w.Header().Get("Content-Type"), "application/x-amz-json-1.0")
			if len(w.Header().Get("x-amzn-RequestId")) != 36 {
				t.Error("no request ID")
			}
		})
	}
}

func TestErrorsHaveTheSDKsTypes(t *testing.T) {
	c := start(t)
	_, err := c.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("none")})
	if _, ok := errors.AsType[*types.QueueDoesNotExist](err); !ok {
		t.Errorf("not a QueueDoesNotExist: %v", err)
	}
	wantCode(t, err, "AWS.SimpleQueueService.NonExistentQueue")

	_, err = c.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: c.create(t, "q"), ReceiptHandle: aws.String("garbage")})
	if _, ok := errors.AsType[*types.ReceiptHandleIsInvalid](err); !ok {
		t.Errorf("not a ReceiptHandleIsInvalid: %v", err)
	}
	if response, ok := errors.AsType[*smithyhttp.ResponseError](err); !ok || response.HTTPStatusCode() != 404 {
		t.Errorf("not a 404: %v", err)
	}
}

func TestInternalFailuresAreTheServersFault(t *testing.T) {
	refused := asRefusal(io.ErrUnexpectedEOF)
	wantEqual(t, refused.status, 500)
	wantEqual(t, refused.queryError(), "InternalFailure;Receiver")
	wantEqual(t, string(refused.body()), `{"__type":"com.amazon.coral.service#InternalFailure","message":"unexpected EOF"}`)
}

func TestEveryMessageIsReceivedOnceUnderLoad(t *testing.T) {
	const senders, batches, receivers = 4, 25, 4
	c := start(t)
	queueURL := c.create(t, "q")

	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() {
			for n := range batches {
				in := &sqs.SendMessageBatchInput{QueueUrl: queueURL}
				for i := range maxBatchEntries {
					in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{
						Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(fmt.Sprintf("%d/%d/%d", sender, n, i)),
					})
				}
				if out, err := c.SendMessageBatch(t.Context(), in); err != nil || len(out.Failed) > 0 {
					t.Error(err, out)
				}
			}
		})
	}
	const total = senders * batches * maxBatchEntries
	received := make(chan string, total)
	done, stop := context.WithCancel(t.Context())
	for range receivers {
		wg.Go(func() {
			for done.Err() == nil {
				out, err := c.ReceiveMessage(done, &sqs.ReceiveMessageInput{QueueUrl: queueURL, MaxNumberOfMessages: 10, WaitTimeSeconds: 20})
				if err != nil {
					return // The other receivers had the last messages, and waiting was over.
				}
				in := &sqs.DeleteMessageBatchInput{QueueUrl: queueURL}
				for i, m := range out.Messages {
					in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle})
				}
				if deleted, err := c.DeleteMessageBatch(t.Context(), in); err != nil || len(deleted.Failed) > 0 {
					t.Error(err, deleted)
				}
				for _, m := range out.Messages {
					received <- *m.Body
				}
			}
		})
	}
	seen := map[string]int{}
	for range total {
		seen[<-received]++
	}
	stop()
	wg.Wait()
	wantEqual(t, len(seen), total)
	wantEqual(t, c.counts(t, queueURL), [3]string{"0", "0", "0"})
}

// BenchmarkBatchOfTen sends, receives and deletes ten messages over HTTP, SDK included.
func BenchmarkBatchOfTen(b *testing.B) {
	for _, backlog := range []int{0, 200_000} {
		b.Run(fmt.Sprintf("backlog=%d", backlog), func(b *testing.B) {
			c := start(b)
			queueURL := c.create(b, "q")
			fill(b, c.server, queueURL, backlog)
			send := &sqs.SendMessageBatchInput{QueueUrl: queueURL}
			for i := range maxBatchEntries {
				send.Entries = append(send.Entries, types.SendMessageBatchRequestEntry{
					Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(`{"accountId": "a", "userId": "u"}`),
				})
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.SendMessageBatch(b.Context(), send); err != nil {
					b.Fatal(err)
				}
				out, err := c.ReceiveMessage(b.Context(), &sqs.ReceiveMessageInput{QueueUrl: queueURL, MaxNumberOfMessages: 10})
				if err != nil {
					b.Fatal(err)
				}
				in := &sqs.DeleteMessageBatchInput{QueueUrl: queueURL}
				for i, m := range out.Messages {
					in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle})
				}
				if _, err := c.DeleteMessageBatch(b.Context(), in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// fill puts messages into a queue without the detour over HTTP.
func fill(tb testing.TB, s *Server, queueURL *string, n int) {
	tb.Helper()
	for range n {
		if _, err := s.send(*queueURL, "AKIDEXAMPLE", &outgoing{MessageBody: "x"}); err != nil {
			tb.Fatal(err)
		}
	}
}
