// Package worker takes one event of the queue through: it groups the requests, has the users suspended, sends the dead
// letters, and answers which messages are to be delivered again.
//
// A message is acknowledged only when each of its users was suspended or has a dead letter that the queue accepted.
package worker

import (
	"context"
	"io"
	"log/slog"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"chime-offboarding/internal/chime"
	"chime-offboarding/internal/queue"
)

// Config is what a Worker needs.
type Config struct {
	Chime *chime.Client
	Queue *queue.Client

	AllowedAccounts []string // that may be touched; nil for all
	ProtectedUsers  []string // who are never suspended, compared without regard to case
	MaxReceiveCount int      // deliveries a message gets, at least 1
	Concurrency     int      // BatchSuspendUser calls in flight at once, at least 1
	DryRun          bool     // whether Chime is left alone

	FunctionName string       // the dimension of the metrics
	Output       io.Writer    // takes whole lines, from several goroutines
	Log          *slog.Logger // for all but the audit trail and the metrics, which are lines of their own
}

// Worker handles the events of the queue. It keeps nothing between them and may handle several at once.
type Worker struct {
	config    Config
	allowed   map[string]bool // nil for all
	protected map[string]bool // by their folded IDs
}

// New returns a Worker.
func New(config Config) *Worker {
	w := &Worker{config: config, protected: make(map[string]bool)}
	if config.AllowedAccounts != nil {
		w.allowed = make(map[string]bool)
	}
	for _, id := range config.AllowedAccounts {
		w.allowed[id] = true
	}
	for _, id := range config.ProtectedUsers {
		w.protected[fold(id)] = true
	}
	return w
}

// fold maps IDs that differ in nothing but case to one. Upper case comes first, because some letters have two lower ones.
func fold(id string) string { return strings.ToLower(strings.ToUpper(id)) }

// Invoke implements lambda.Handler: it takes an event of an SQS queue and returns a partial batch response
// (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html). It fails only for an event that is not
// one of a standard queue; then all messages are delivered again.
func (w *Worker) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var requestID string
	if lambda, ok := lambdacontext.FromContext(ctx); ok {
		requestID = lambda.AwsRequestID
	}
	log := w.config.Log.With("requestId", requestID)

	records, err := queue.DecodeEvent(payload)
	if err != nil {
		log.Error("event refused", "error", err.Error())
		return nil, err
	}
	e := &event{Worker: w, log: log, requestID: requestID, audit: newAudit(w.config.Output, requestID)}
	e.read(records)
	budget := newBudget(ctx, e.users)
	e.suspend(ctx, budget.suspend)
	e.sendLetters(ctx, budget.letters)
	e.account()
	e.delay(ctx, budget.visibility)
	e.audit.metrics(w.config.FunctionName, e.counts)
	return e.response(), nil
}
