// Package queueserver is an in-memory stand-in for Amazon SQS standard queues, for local runs and tests. It speaks SQS's
// AWS JSON 1.0 protocol, so that SDKs and the AWS CLI work with it unchanged, and it refuses what SQS's documentation
// says SQS refuses. FIFO queues, tags, permissions, encryption and message move tasks are left out.
package queueserver

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// Config says whose queues a server has.
type Config struct {
	Region    string // AWS Region in the queues' ARNs.
	AccountID string // AWS account ID in the queues' URLs and ARNs.

	// Speed is how many seconds of queue time pass in a second of wall time; 0 means 1. It must not be negative.
	// Timeouts, delays, retention and timestamps follow it; only WaitTimeSeconds of a receive is wall time.
	Speed float64
}

// Server is an HTTP handler that behaves like SQS's endpoint in one Region for one account.
type Server struct {
	config Config
	clock  clock
	seal   maphash.Seed // What makes a receipt handle this server's own.

	mu        sync.Mutex // Guards everything below, and all that is in the queues.
	queues    map[string]*queue
	released  map[string]time.Duration // When the name of a deleted queue can be used again.
	lastQueue uint64
}

// New returns a server without queues. The caller puts it behind net/http, for example with httptest.NewServer.
func New(config Config) *Server {
	return &Server{
		config:   config,
		clock:    newClock(config.Speed),
		seal:     maphash.MakeSeed(),
		queues:   map[string]*queue{},
		released: map[string]time.Duration{},
	}
}

// with runs do on a queue that is up to date, while nothing else happens to any queue.
func (s *Server) with(queueURL string, do func(*queue) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queue(queueURL)
	if q == nil {
		return queueDoesNotExist.because("The specified queue does not exist.")
	}
	q.advance(s.clock.now())
	return do(q)
}

// queue finds a queue by the path of its URL: the host differs between a container and the machine that it runs on.
func (s *Server) queue(queueURL string) *queue {
	u, err := url.Parse(queueURL)
	if err != nil {
		return nil
	}
	name, ok := strings.CutPrefix(u.Path, "/"+s.config.AccountID+"/")
	if !ok {
		return nil
	}
	return s.queues[name]
}

func (s *Server) queueURL(r *http.Request, name string) string {
	return "http://" + r.Host + "/" + s.config.AccountID + "/" + name
}

func (s *Server) arn(name string) string {
	return "arn:aws:sqs:" + s.config.Region + ":" + s.config.AccountID + ":" + name
}

// action is one action of the API: it reads a request and returns what is to be answered in JSON.
type action func(*Server, *http.Request) (any, error)

var actions = map[string]action{
	"ChangeMessageVisibility":      decoded((*Server).changeMessageVisibility),
	"ChangeMessageVisibilityBatch": decoded((*Server).changeMessageVisibilityBatch),
	"CreateQueue":                  decoded((*Server).createQueue),
	"DeleteMessage":                decoded((*Server).deleteMessage),
	"DeleteMessageBatch":           decoded((*Server).deleteMessageBatch),
	"DeleteQueue":                  decoded((*Server).deleteQueue),
	"GetQueueAttributes":           decoded((*Server).getQueueAttributes),
	"GetQueueUrl":                  decoded((*Server).getQueueURL),
	"ListQueues":                   decoded((*Server).listQueues),
	"PurgeQueue":                   decoded((*Server).purgeQueue),
	"ReceiveMessage":               decoded((*Server).receiveMessage),
	"SendMessage":                  decoded((*Server).sendMessage),
	"SendMessageBatch":             decoded((*Server).sendMessageBatch),
	"SetQueueAttributes":           decoded((*Server).setQueueAttributes),

	"AddPermission":              leftOut,
	"CancelMessageMoveTask":      leftOut,
	"ListDeadLetterSourceQueues": leftOut,
	"ListMessageMoveTasks":       leftOut,
	"ListQueueTags":              leftOut,
	"RemovePermission":           leftOut,
	"StartMessageMoveTask":       leftOut,
	"TagQueue":                   leftOut,
	"UntagQueue":                 leftOut,
}

func leftOut(*Server, *http.Request) (any, error) {
	return nil, unsupportedOperation.because("This local queue server does not have the action: use Amazon SQS itself for it.")
}

// decoded makes an action of a function that takes the request's body as a struct.
func decoded[In, Out any](do func(*Server, *http.Request, *In) (Out, error)) action {
	return func(s *Server, r *http.Request) (any, error) {
		in := new(In)
		if err := json.UnmarshalRead(r.Body, in); err != nil {
			if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
				return nil, requestTooLarge.because("A request body can have at most %d bytes: send less in one request.", tooLarge.Limit)
			}
			return nil, serialization.because("The request body is not what the action takes: %v", err)
		}
		return do(s, r, in)
	}
}

// ServeHTTP answers one request of the API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxRequestBytes)
	out, err := s.act(r)
	var body []byte
	if err == nil {
		body, err = json.Marshal(out)
	}

	header := w.Header()
	header.Set("Content-Type", "application/x-amz-json-1.0")
	header.Set("x-amzn-RequestId", newUUID())
	status := http.StatusOK
	if err != nil {
		refused := asRefusal(err)
		header.Set("x-amzn-query-error", refused.queryError())
		status, body = refused.status, refused.body()
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // JSON for SDKs, not HTML. It fails when the client is gone: there is nobody to tell.
}

// act does what the request's X-Amz-Target header asks for.
func (s *Server) act(r *http.Request) (any, error) {
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		return nil, missingAuthenticationToken.because("Request is missing Authentication Token: sign it with AWS Signature Version 4.")
	}
	name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	do := actions[name]
	if !ok || do == nil {
		return nil, invalidAction.because("X-Amz-Target %q is not an action of Amazon SQS: send AWS JSON 1.0 with AmazonSQS.<Action>.",
			r.Header.Get("X-Amz-Target"))
	}
	return do(s, r)
}

// sender is the request's access key ID. SQS has the ID of the user or role here, which only IAM knows.
func sender(r *http.Request) string {
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	key, _, _ := strings.Cut(credential, "/")
	return strings.Clone(key) // Else each message would keep its request's header in memory.
}

// newUUID returns a random UUID (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // It never fails: https://pkg.go.dev/crypto/rand#Read.
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
