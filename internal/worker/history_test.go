package worker

import (
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"chime-offboarding/internal/chime"
	"chime-offboarding/internal/queue"
)

const (
	sourceARN      = "arn:aws:sqs:us-east-1:123456789012:requests"
	sourceURL      = "http://sqs.test/123456789012/requests"
	deadLettersURL = "http://sqs.test/123456789012/dead-letters"
)

// history is what happened in a scenario, as Chime and the queue saw it.
type history struct {
	scenario

	start, end time.Time
	response   []byte
	err        error
	output     lockedBuffer

	mu         sync.Mutex
	moments    int // that have a number
	instants   map[time.Time]bool
	inFlight   int // calls of Chime under way
	mostCalls  int // under way at once
	asked      map[*trouble]int
	attempts   []*attempt // of BatchSuspendUser, in order of arrival
	letters    []*batch
	visibility []*batch
	oddities   []string // what neither Chime nor the queue should ever be asked
}

// exchange is a request and its answer.
type exchange struct {
	answer   string // what it is as a whole, by the names of scenarios; empty for one that nothing is wrong with
	arrived  int    // the moment that the request was there
	answered int    // the moment that the answer left
	read     bool   // whether the client got all of the answer
}

// attempt is one of BatchSuspendUser.
type attempt struct {
	exchange
	account    string
	users      []string
	userErrors []userError
	id         string // of the request, as Chime numbers them
	written    int    // bytes of output at arrival
}

type userError struct {
	UserID       *string `json:"UserId,omitempty"`
	ErrorCode    string
	ErrorMessage string
}

// batch is a call of the queue.
type batch struct {
	exchange
	QueueURL string `json:"QueueUrl"`
	Entries  []*entry
}

// entry is one of a batch: a letter or the visibility of a message.
type entry struct {
	ID                string `json:"Id"`
	MessageBody       string
	MessageAttributes map[string]struct{ DataType, StringValue string }
	ReceiptHandle     string
	VisibilityTimeout int

	taken bool // as the answer says it
}

// play lets a worker handle the event of a scenario, in the bubble that it is called in.
func play(ctx context.Context, s scenario) *history {
	h := &history{scenario: s, instants: make(map[time.Time]bool), asked: make(map[*trouble]int)}
	pipes := make(pipes)
	mux := http.NewServeMux()
	mux.HandleFunc("POST chime.test/accounts/{account}/users", h.suspend)
	mux.HandleFunc("POST sqs.test/", h.batch)
	mux.HandleFunc("/", func(_ http.ResponseWriter, r *http.Request) { h.oddf("%s of %s%s", r.Method, r.Host, r.URL) })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Hour, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(pipes) }()
	transport := &http.Transport{DialContext: pipes.dial, MaxIdleConnsPerHost: 100, DisableCompression: true}
	defer func() {
		transport.CloseIdleConnections()
		_ = server.Close()
	}()

	cfg := aws.Config{Region: "us-east-1", HTTPClient: &client{history: h, Client: http.Client{Transport: transport, Timeout: 10 * time.Second}}}
	cfg.Credentials = credentials.NewStaticCredentialsProvider("AKIDTEST", "SECRETTEST", "")
	cfg.BaseEndpoint = aws.String("http://sqs.test")
	deadLetters, _ := url.Parse(deadLettersURL)
	config := Config{
		Queue:           queue.NewClient(cfg, deadLetters),
		AllowedAccounts: s.Allowed,
		ProtectedUsers:  s.Protected,
		MaxReceiveCount: s.MaxReceiveCount,
		Concurrency:     s.Concurrency,
		DryRun:          s.DryRun,
		FunctionName:    "suspend-users",
		Output:          &h.output,
		Log:             NewLogger(&h.output, slog.LevelDebug),
	}
	cfg.BaseEndpoint = aws.String("http://chime.test")
	if s.NoCredentials {
		cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errors.New("PRIVATE") })
	}
	config.Chime = chime.NewClient(cfg)

	h.start = time.Now()
	ctx, cancel := context.WithDeadline(lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: requestID}), h.start.Add(s.Deadline))
	defer cancel()
	h.response, h.err = New(config).Invoke(ctx, h.event())
	h.end = time.Now()
	return h
}

func (h *history) event() []byte {
	event := events.SQSEvent{Records: []events.SQSMessage{}}
	for _, m := range h.Messages {
		event.Records = append(event.Records, events.SQSMessage{
			MessageId: m.ID, ReceiptHandle: m.Receipt, Body: m.Body, EventSource: "aws:sqs", EventSourceARN: sourceARN,
			Attributes: map[string]string{"ApproximateReceiveCount": strconv.Itoa(m.Count)},
		})
	}
	return []byte(encoded(event))
}

// suspend answers BatchSuspendUser.
func (h *history) suspend(w http.ResponseWriter, r *http.Request) {
	var input struct {
		UserIDs []string `json:"UserIdList"`
	}
	if err := json.NewDecoder(r.Body).Decode(&input); err != nil || r.URL.RawQuery != "operation=suspend" {
		h.oddf("BatchSuspendUser?%s with a body that is not its own (%v)", r.URL.RawQuery, err)
	}
	a := &attempt{account: r.PathValue("account"), users: input.UserIDs, written: len(h.output.String())}
	h.mu.Lock()
	h.attempts = append(h.attempts, a)
	a.arrived = h.moment()
	a.id = fmt.Sprintf("chime-%d", len(h.attempts))
	for i := range h.Chime {
		account, user, one := strings.Cut(h.Chime[i].Of, "/")
		if account != a.account || one && !slices.Contains(a.users, user) {
			continue
		}
		if !one {
			user = a.users[0]
		}
		switch answer, troubled := h.next(&h.Chime[i]); {
		case !troubled:
		case slices.Contains(userErrors, answer):
			a.userErrors = append(a.userErrors, h.userErrors(user, answer)...)
		case a.answer == "":
			a.answer = answer
		}
	}
	latency := h.Latency * time.Duration(1+len(h.attempts)%3) // so that calls overtake each other
	h.mu.Unlock()

	answer := chimeAnswers[a.answer]
	status, body := answer.status, answer.body
	w.Header().Set("X-Amzn-Requestid", a.id)
	switch {
	case strings.HasSuffix(a.answer, "Exception"):
		w.Header().Set("X-Amzn-Errortype", a.answer)
		body = encoded(map[string]string{"Message": h.Text})
	case a.answer == "" || answer.meaning == suspends && len(a.userErrors) > 0:
		status, body = http.StatusOK, encoded(map[string]any{"UserErrors": a.userErrors})
	}
	h.send(w, r, &a.exchange, latency, status, body)
}

// userErrors are those of an answer about a user.
func (h *history) userErrors(user, answer string) []userError {
	var errs []userError
	for code := range strings.SplitSeq(answer, "+") {
		switch code {
		case "nobody":
			errs = append(errs, userError{nil, "NotFound", h.Text})
		case "stranger":
			errs = append(errs, userError{aws.String("stranger"), "NotFound", h.Text})
		case "capitals":
			errs = append(errs, userError{aws.String(strings.ToUpper(user)), "Throttled", h.Text})
		default:
			errs = append(errs, userError{&user, code, h.Text})
		}
	}
	return errs
}

// batch answers SendMessageBatch and ChangeMessageVisibilityBatch.
func (h *history) batch(w http.ResponseWriter, r *http.Request) {
	b := new(batch)
	action := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	if err := json.NewDecoder(r.Body).Decode(b); err != nil {
		h.oddf("%s with a body that is not its own: %v", action, err)
	}
	h.mu.Lock()
	b.arrived = h.moment()
	troubles, of := h.Letters, func(e *entry) string { return e.MessageAttributes["SourceMessageId"].StringValue }
	switch action {
	case "SendMessageBatch":
		h.letters = append(h.letters, b)
	case "ChangeMessageVisibilityBatch":
		h.visibility = append(h.visibility, b)
		troubles, of = h.Visibility, func(e *entry) string { return h.message(e.ReceiptHandle) }
	default:
		h.oddities = append(h.oddities, action)
	}
	answers := make(map[*entry]string)
	for i := range troubles {
		if !slices.ContainsFunc(b.Entries, func(e *entry) bool { return troubles[i].of(of(e)) }) {
			continue
		}
		switch answer, troubled := h.next(&troubles[i]); {
		case !troubled:
		case slices.Contains(entryAnswers, answer):
			for _, e := range b.Entries {
				if troubles[i].of(of(e)) {
					answers[e] = answer
				}
			}
		case b.answer == "":
			b.answer = answer
		}
	}
	h.mu.Unlock()

	type result map[string]any
	lists := map[string][]result{"Successful": {}, "Failed": {}}
	for _, e := range b.Entries {
		sum := md5.Sum([]byte(e.MessageBody))
		taken := result{"Id": e.ID, "MessageId": "1", "MD5OfMessageBody": hex.EncodeToString(sum[:])}
		failed := result{"Id": e.ID, "Code": "InternalError", "Message": "PRIVATE", "SenderFault": false}
		answer := answers[e]
		e.taken = answer == "" || answer == "no MD5"
		switch answer {
		case "no MD5":
			delete(taken, "MD5OfMessageBody")
		case "no ID":
			delete(taken, "Id")
		case "strange ID":
			taken["Id"] = "0" + e.ID
		case "wrong MD5":
			taken["MD5OfMessageBody"] = strings.Repeat("0", 32)
		}
		if answer != "Failed" && answer != "omitted" {
			lists["Successful"] = append(lists["Successful"], taken)
		}
		if answer == "Failed" || answer == "both" {
			lists["Failed"] = append(lists["Failed"], failed)
		}
	}
	status, body := http.StatusOK, encoded(lists)
	switch b.answer {
	case "503", "400", "403":
		status, _ = strconv.Atoi(b.answer)
		body = `{"__type": "com.amazonaws.sqs#Refused", "message": "PRIVATE"}`
	case "HTML":
		body = "<html>PRIVATE</html>"
	case "an empty answer":
		body = ""
	case "null", "{}":
		body = b.answer
	}
	h.send(w, r, &b.exchange, cmp.Or(h.QueueLatency, 5*time.Millisecond), status, body)
}

// of reports whether the trouble is about a message.
func (t *trouble) of(message string) bool { return t.Of == "" || t.Of == message }

// next returns the answer of a trouble that a call is about, if it still has one. The caller has the lock.
func (h *history) next(t *trouble) (string, bool) {
	i := h.asked[t]
	h.asked[t]++
	if i >= len(t.Answers) && !t.Ever {
		return "", false
	}
	return t.Answers[min(i, len(t.Answers)-1)], true
}

// send sends an answer after a while.
func (h *history) send(w http.ResponseWriter, r *http.Request, e *exchange, latency time.Duration, status int, body string) {
	h.wait(r.Context(), latency)
	switch e.answer {
	case "closed":
		panic(http.ErrAbortHandler)
	case "hang":
		<-r.Context().Done()
		return
	case "cut", "hang halfway":
		w.Header().Set("Content-Length", "1000")
	default:
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	h.mu.Lock()
	e.answered = h.moment()
	h.mu.Unlock()
	w.WriteHeader(status)
	_, err := io.WriteString(w, body)
	err = errors.Join(err, http.NewResponseController(w).Flush())
	e.read = err == nil && e.answer != "cut" && e.answer != "hang halfway"
	if e.answer == "hang halfway" {
		<-r.Context().Done()
	}
}

// wait lasts about so long, and ends at an instant when no other wait ends. What the worker does then is the consequence of
// the one answer.
func (h *history) wait(ctx context.Context, about time.Duration) {
	const apart = 137 * time.Nanosecond
	until := time.Now().Add(about + apart)
	h.mu.Lock()
	for h.instants[until] {
		until = until.Add(apart)
	}
	h.instants[until] = true
	h.mu.Unlock()
	select {
	case <-time.After(time.Until(until)):
	case <-ctx.Done():
	}
}

// moment numbers what happens one after the other. The caller has the lock.
func (h *history) moment() int {
	h.moments++
	return h.moments
}

func (h *history) oddf(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.oddities = append(h.oddities, fmt.Sprintf(format, args...))
}

// message returns the ID of the message that a receipt is of.
func (h *history) message(receipt string) string {
	for _, m := range h.Messages {
		if m.Receipt == receipt {
			return m.ID
		}
	}
	return ""
}

// client counts the calls of Chime under way, and takes a request's WriteTo away as internal/httpclient does.
type client struct {
	http.Client
	history *history
}

func (c *client) Do(r *http.Request) (*http.Response, error) {
	r.Body = struct{ io.ReadCloser }{r.Body}
	if h := c.history; r.URL.Host == "chime.test" {
		h.mu.Lock()
		h.inFlight++
		h.mostCalls = max(h.mostCalls, h.inFlight)
		h.mu.Unlock()
		defer func() {
			h.mu.Lock()
			h.inFlight--
			h.mu.Unlock()
		}()
	}
	return c.Client.Do(r)
}

// pipes is a listener whose connections take no time of the bubble.
type pipes chan net.Conn

func (p pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error {
	close(p)
	return nil
}

func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }
