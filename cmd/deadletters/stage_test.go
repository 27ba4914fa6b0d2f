package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v3"

	"chime-offboarding/internal/httpclient"
	"chime-offboarding/internal/local/queueserver"
	worker "chime-offboarding/internal/queue"
)

// TestMain keeps what is configured on this machine away from the program, and is the program where a test asks for it.
func TestMain(m *testing.M) {
	if os.Getenv("DEADLETTERS") == "run" {
		main()
	}
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") && name != "AWS_CA_BUNDLE" {
			os.Unsetenv(name)
		}
	}
	os.Setenv("AWS_CONFIG_FILE", os.DevNull)
	os.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	os.Setenv("AWS_MAX_ATTEMPTS", "1")
	os.Exit(m.Run())
}

// failedAt is when the letters of the tests failed, and now is when the program runs.
var (
	failedAt = time.Date(2026, 2, 20, 1, 2, 3, 0, time.UTC)
	now      = failedAt.Add(3 * time.Hour)
)

// stage is a source queue and a dead-letter queue with letters, and the program in front of them.
type stage struct {
	*testing.T
	direct  *sqs.Client // past what stands between the program and the queues
	queues  http.Handler
	program program
	ctx     context.Context

	source, deadLetters string // URLs as the program has them
	close               func()

	mu        sync.Mutex
	intercept func(*call)
	calls     []string // actions that the program has called
	unlisted  bool     // whether nobody tells which is the source queue
}

// call is a call of the program on its way to the queues.
type call struct {
	*stage

	action string
	in     struct {
		QueueURL string `json:"QueueUrl"`
		Entries  []entry
	}
	body    []byte
	request *http.Request
	answer  *httptest.ResponseRecorder // nil until it is done
}

// entry is one of a batch.
type entry struct{ MessageBody, ReceiptHandle string }

// do lets the queues do what the call asks for, without waiting for more letters.
func (c *call) do() {
	c.body = bytes.Replace(c.body, []byte(`"WaitTimeSeconds":1`), []byte(`"WaitTimeSeconds":0`), 1)
	c.request.Body = io.NopCloser(bytes.NewReader(c.body))
	c.request.ContentLength = int64(len(c.body))
	c.answer = httptest.NewRecorder()
	c.queues.ServeHTTP(c.answer, c.request)
}

// fail answers with an error of the service instead.
func (c *call) fail(status int, code string) {
	c.answer = httptest.NewRecorder()
	c.answer.Header().Set("X-Amzn-Query-Error", code+";Sender")
	c.answer.WriteHeader(status)
	fmt.Fprintf(c.answer, `{"__type": "com.amazonaws.sqs#%s", "message": "made up"}`, code)
}

// give answers with this instead.
func (c *call) give(answer string) {
	c.answer = httptest.NewRecorder()
	c.answer.WriteString(answer)
}

// release makes the letters that the call has received visible again.
func (c *call) release() {
	var out struct {
		Messages []struct{ ReceiptHandle string }
	}
	must(c.T, json.Unmarshal(c.answer.Body.Bytes(), &out))
	for _, m := range out.Messages {
		c.show(c.deadLetters, &m.ReceiptHandle)
	}
}

// only lets the queues do the entries for which keep says so; others are not even in the answer.
func (c *call) only(keep func(i int) bool) {
	var in map[string]any
	must(c.T, json.Unmarshal(c.body, &in))
	var kept []any
	for i, e := range in["Entries"].([]any) {
		if keep(i) {
			kept = append(kept, e)
		}
	}
	if len(kept) == 0 {
		c.give("{}")
		return
	}
	in["Entries"] = kept
	c.body, _ = json.Marshal(in)
	c.do()
}

func newStage(t *testing.T) *stage {
	t.Helper()
	return newStageWith(t, queueserver.Config{Region: "us-east-1", AccountID: "123456789012"})
}

func newStageWith(t *testing.T, config queueserver.Config) *stage {
	t.Helper()
	s := &stage{T: t, queues: queueserver.New(config), intercept: func(c *call) { c.do() }, ctx: t.Context()}
	direct := httptest.NewServer(s.queues)
	server := httptest.NewServer(http.HandlerFunc(s.serve))
	s.close = func() {
		server.Close()
		direct.Close()
	}
	t.Cleanup(s.close)
	s.direct = sqs.NewFromConfig(configuration(direct.URL))
	s.deadLetters = server.URL + s.create("dead-letters", nil)
	s.source = server.URL + s.create("requests", map[string]string{
		"RedrivePolicy": `{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:dead-letters", "maxReceiveCount": 1}`,
	})
	s.program = program{in: strings.NewReader(""), now: func() time.Time { return now }, pace: pace{calls: 1, maxHeld: careful.maxHeld}}
	return s
}

func configuration(endpoint string) aws.Config {
	return aws.Config{
		BaseEndpoint: &endpoint,
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient:   httpclient.New(0),
	}
}

// serve lets intercept decide on a call.
func (s *stage) serve(w http.ResponseWriter, r *http.Request) {
	c := &call{stage: s, request: r}
	_, c.action, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	c.body, _ = io.ReadAll(r.Body)
	must(s.T, json.Unmarshal(c.body, &c.in))
	s.handle(c)
	if c.answer == nil { // No answer comes, as from a connection that breaks.
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), c.answer.Header())
	w.WriteHeader(c.answer.Code)
	_, _ = w.Write(c.answer.Body.Bytes())
}

func (s *stage) handle(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, c.action)
	s.intercept(c)
	if c.action == "ListDeadLetterSourceQueues" && c.answer != nil && c.answer.Code == http.StatusBadRequest && !s.unlisted { // The queues cannot.
		c.give(fmt.Sprintf(`{"queueUrls": [%q]}`, s.source))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// create creates a queue and returns the path of its URL.
func (s *stage) create(name string, attributes map[string]string) string {
	s.Helper()
	out, err := s.direct.CreateQueue(s.ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	must(s.T, err)
	u, err := url.Parse(*out.QueueUrl)
	must(s.T, err)
	return u.Path
}

// run runs the program on the dead-letter queue and returns its exit code and what it has printed.
func (s *stage) run(command string, args ...string) (code int, out, err string) {
	s.Helper()
	return s.runRaw(append([]string{command, "-queue-url", s.deadLetters}, args...)...)
}

func (s *stage) runRaw(args ...string) (code int, out, err string) {
	s.Helper()
	var stdout, stderr bytes.Buffer
	p := s.program
	p.out, p.err = &stdout, &stderr
	p.args = append([]string{"deadletters"}, args...)
	code = p.run(s.ctx)
	return code, stdout.String(), stderr.String()
}

// open opens the dead-letter queue as the commands do.
func (s *stage) open() *queue {
	s.Helper()
	var q *queue
	p := s.program
	p.err = io.Discard
	cmd := &cli.Command{Flags: queueFlags(), Action: func(ctx context.Context, cmd *cli.Command) (err error) {
		q, err = p.open(ctx, cmd)
		return err
	}}
	must(s.T, cmd.Run(s.ctx, []string{"deadletters", "-queue-url", s.deadLetters}))
	return q
}

// called returns how often the program has called one of the actions.
func (s *stage) called(actions ...string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, action := range s.calls {
		if slices.Contains(actions, action) {
			n++
		}
	}
	return n
}

// letter has the worker's own code send a letter.
func (s *stage) letter(code, body string, failed time.Time) {
	s.Helper()
	s.letters(code, []string{body}, failed)
}

func (s *stage) letters(code string, bodies []string, failed time.Time) {
	s.Helper()
	u, err := url.Parse(s.deadLetters)
	must(s.T, err)
	source := &worker.Record{MessageID: "11111111-1111-4111-8111-111111111111", ReceiveCount: 2, SourceARN: "arn:aws:sqs:us-east-1:123456789012:requests"}
	client := worker.NewClient(configuration(aws.ToString(s.direct.Options().BaseEndpoint)), u)
	client.SendLetters(s.ctx, len(bodies), func(i int) worker.Letter {
		return worker.Letter{Body: bodies[i], ErrorCode: code, ErrorMessage: "It says " + code + ".", Source: source, FailedAt: failed, RequestID: "request-1"}
	}, func(_ int, err error) { must(s.T, err) })
}

// users sends a letter with the code for each of n users of the account corp, and returns the bodies.
func (s *stage) users(code string, n int) []string {
	s.Helper()
	var bodies []string
	for i := range n {
		bodies = append(bodies, fmt.Sprintf(`{"accountId":"corp","userId":"%s-%03d"}`, strings.ToLower(code), i))
	}
	s.letters(code, bodies, failedAt)
	return bodies
}

// moved has the source queue's redrive policy move a message.
func (s *stage) moved(body string) {
	s.Helper()
	s.send(s.source, body)
	for _, m := range s.receive(s.source) {
		s.show(s.source, m.ReceiptHandle)
	}
	if left := s.receive(s.source); len(left) > 0 {
		s.Fatalf("%d messages were not moved", len(left))
	}
}

func (s *stage) send(to, body string) {
	s.Helper()
	_, err := s.direct.SendMessage(s.ctx, &sqs.SendMessageInput{QueueUrl: &to, MessageBody: &body})
	must(s.T, err)
}

// in returns what is visible in a queue, in order. It stays invisible.
func (s *stage) in(queueURL string) (bodies []string) {
	s.Helper()
	for _, m := range s.receive(queueURL) {
		bodies = append(bodies, *m.Body)
	}
	slices.Sort(bodies)
	return bodies
}

func (s *stage) receive(queueURL string) (messages []types.Message) {
	s.Helper()
	ctx := context.WithoutCancel(s.ctx)
	for {
		out, err := s.direct.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &queueURL, MaxNumberOfMessages: 10, VisibilityTimeout: 600})
		must(s.T, err)
		if len(out.Messages) == 0 {
			return messages
		}
		messages = append(messages, out.Messages...)
	}
}

// takeAway lets another reader have so many letters, and returns how many of them have a code.
func (s *stage) takeAway(n int32) (withCode int) {
	out, err := s.direct.ReceiveMessage(s.ctx, &sqs.ReceiveMessageInput{QueueUrl: &s.deadLetters, MaxNumberOfMessages: n, VisibilityTimeout: 600, MessageAttributeNames: []string{"All"}})
	if err != nil || len(out.Messages) != int(n) {
		s.Errorf("another reader got %+v and error %v, want %d letters", out, err, n)
		return 0
	}
	for _, m := range out.Messages {
		if m.MessageAttributes["ErrorCode"].StringValue != nil {
			withCode++
		}
	}
	return withCode
}

// inFlight returns how many dead letters are invisible.
func (s *stage) inFlight() string {
	s.Helper()
	name := types.QueueAttributeNameApproximateNumberOfMessagesNotVisible
	out, err := s.direct.GetQueueAttributes(s.ctx, &sqs.GetQueueAttributesInput{QueueUrl: &s.deadLetters, AttributeNames: []types.QueueAttributeName{name}})
	must(s.T, err)
	return out.Attributes[string(name)]
}

// ids returns the IDs of the letters, by body.
func (s *stage) ids() map[string]string {
	s.Helper()
	ids := make(map[string]string)
	for _, m := range s.receive(s.deadLetters) {
		ids[*m.Body] = *m.MessageId
		s.show(s.deadLetters, m.ReceiptHandle)
	}
	return ids
}

func (s *stage) show(queueURL string, handle *string) {
	s.Helper()
	_, err := s.direct.ChangeMessageVisibility(s.ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &queueURL, ReceiptHandle: handle})
	must(s.T, err)
}

// expect compares what is visible in the two queues.
func (s *stage) expect(deadLetters, source []string) {
	s.Helper()
	for _, queue := range []struct {
		name, url string
		want      []string
	}{{"dead-letter queue", s.deadLetters, deadLetters}, {"source queue", s.source, source}} {
		if diff := cmp.Diff(slices.Sorted(slices.Values(queue.want)), s.in(queue.url)); diff != "" {
			s.Errorf("the %s (-want +got):\n%.5000s", queue.name, diff)
		}
	}
}

// contains reports a text that has not each of the parts.
func (s *stage) contains(text string, parts ...string) {
	s.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			s.Errorf("there is no %q in:\n%s", part, text)
		}
	}
}
