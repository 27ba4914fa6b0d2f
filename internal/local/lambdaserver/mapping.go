package lambdaserver

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const (
	// maxBatchSize is how many messages an event may have. Lambda developer
	// guide, services-sqs-parameters, for a standard queue.
	maxBatchSize = 10_000
	// maxEntries is how many messages one call to SQS may be about. SQS
	// developer guide, quotas-messages.
	maxEntries = 10
	// longPoll is how long a receive waits for a message when there is none.
	// It is no longer because no receive is ever broken off, also not to stop:
	// SQS may go on to hand messages to it, even ones that were just released,
	// and those would be missing until their visibility timeout is over.
	longPoll = 1 * time.Second
	// shortPolls is how often an empty queue is looked at, with shortPause
	// between, before a long poll. Stopping soon after the last message takes
	// no second therefore.
	shortPolls = 10
	shortPause = 50 * time.Millisecond
	// errorPause is between a call to SQS that failed and the next try.
	errorPause = 500 * time.Millisecond
	// callLimit is how long a call to SQS may take.
	callLimit = 30 * time.Second
	// parallelCalls is how many calls to SQS are made at once when there are
	// many messages.
	parallelCalls = 4
	// settleAttempts is how often SQS is told what became of a message.
	settleAttempts = 3
)

// Mapping is an event source mapping: it polls a standard queue, invokes a
// function with what it received, and deletes what the function did not hand
// back (ReportBatchItemFailures). Lambda developer guide, with-sqs.
type Mapping struct {
	// Client reaches the queue, QueueURL names it. Both must be set.
	Client   *sqs.Client
	QueueURL string
	// Invoke calls the function, (*Function).Invoke for one. It must be set.
	Invoke func(ctx context.Context, event []byte) (Result, error)
	// BatchSize is the most messages that an event has, 1 to 10,000. It must
	// be set.
	BatchSize int
	// Window is how long messages are gathered for an event, from the first
	// one on. Lambda wants at least a second where BatchSize is above 10.
	// Here it may be any time; where it is 0 an event holds what a single
	// receive returned, at most 10 messages.
	Window time.Duration
	// Concurrency is how many invocations may be under way at once, as
	// MaximumConcurrency of Lambda. It must be at least 1.
	Concurrency int
	// RedeliverAfter, in whole seconds, is set as the visibility timeout of
	// each message that was handed back. It overrules what the function has
	// set and is for a queue whose clock cannot be sped up. Where it is 0 the
	// messages are left alone, as Lambda does.
	RedeliverAfter time.Duration
	// Observe is told of each invocation once its messages are deleted, one
	// at a time. It may be nil.
	Observe func(Invocation)
	// Logger takes failed calls to the queue. They end nothing: what was not
	// deleted is delivered again. It must be set.
	Logger *slog.Logger
}

// Invocation is one finished invocation of a mapping.
type Invocation struct {
	RequestID string
	// Messages is how many messages the event had.
	Messages int
	// HandedBack has the IDs of the messages that were not deleted because
	// the function failed or named them, in the event's order.
	HandedBack []string
	// Err says why all messages were handed back: a function error, a
	// time-out, or a response that Lambda would not accept. Nil is a success,
	// also a partial one.
	Err error
	// Duration is how long the invocation took, the start of a process
	// included.
	Duration time.Duration
}

// Run polls until ctx ends, and returns when the last invocation has ended
// and what was received but not yet handed to the function is visible again.
// Its error says that the queue cannot be polled at all.
func (m *Mapping) Run(ctx context.Context) error {
	if m.BatchSize < 1 || m.BatchSize > maxBatchSize {
		return fmt.Errorf("polling the queue %s: the batch size is %d; it should be 1 to %d", m.QueueURL, m.BatchSize, maxBatchSize)
	}
	if m.Concurrency < 1 {
		return fmt.Errorf("polling the queue %s: the concurrency is %d; it should be at least 1", m.QueueURL, m.Concurrency)
	}
	queue, err := m.Client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl:       &m.QueueURL,
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		return fmt.Errorf("asking for the ARN of the queue %s: %w", m.QueueURL, err)
	}
	end, err := recordEnd(queue.Attributes[string(types.QueueAttributeNameQueueArn)])
	if err != nil {
		return fmt.Errorf("polling the queue %s: %w", m.QueueURL, err)
	}
	p := &poller{Mapping: m, recordEnd: end}
	p.run(ctx)
	return nil
}

// poller is a mapping at work.
type poller struct {
	*Mapping

	recordEnd []byte
	left      []types.Message // received, but the last event had no room
	observing sync.Mutex
}

func (p *poller) run(ctx context.Context) {
	background := context.WithoutCancel(ctx)
	slots := make(chan struct{}, p.Concurrency)
	var invocations sync.WaitGroup
	defer invocations.Wait()
	for {
		// Nothing is received before there is room for it: its visibility
		// timeout would run down meanwhile.
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			p.release(background, p.left)
			return
		}
		e := p.gather(ctx)
		if ctx.Err() != nil {
			p.release(background, append(e.messages, p.left...))
			return
		}
		invocations.Go(func() {
			p.handle(background, e)
			<-slots
		})
	}
}

// gather returns an event that is full, or whose window is over, or that is
// not finished because ctx ended.
func (p *poller) gather(ctx context.Context) *event {
	e := newEvent(p.recordEnd)
	p.left = e.fill(p.left)
	var end time.Time // of the window, which the first message opens
	empty := 0        // receives in a row that returned nothing
	for ctx.Err() == nil && len(e.messages) < p.BatchSize && len(p.left) == 0 {
		rest := longPoll // An event without messages is in no hurry.
		if len(e.messages) > 0 {
			if end.IsZero() {
				end = time.Now().Add(p.Window)
			}
			if rest = time.Until(end); rest <= 0 {
				return e
			}
		}
		calls, wait := 1, time.Duration(0)
		switch {
		case empty == 0 && len(e.messages) > 0:
			calls = parallelCalls
		case empty >= shortPolls && rest >= longPoll:
			wait = longPoll
		case empty > 0:
			if !pause(ctx, min(rest, shortPause)) {
				return e
			}
		}
		received := p.receive(ctx, p.BatchSize-len(e.messages), calls, wait)
		if empty++; len(received) > 0 {
			empty = 0
		}
		p.left = e.fill(received)
	}
	return e
}

// receive returns at most limit messages, of at most so many calls at once.
// The end of ctx breaks off none of them.
func (p *poller) receive(ctx context.Context, limit, calls int, wait time.Duration) []types.Message {
	var (
		mu       sync.Mutex
		received []types.Message
		failure  error
		pending  sync.WaitGroup
	)
	for ; limit > 0 && calls > 0; calls-- {
		number := min(limit, maxEntries)
		limit -= number
		pending.Go(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callLimit)
			defer cancel()
			output, err := p.Client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
				QueueUrl:                    &p.QueueURL,
				MaxNumberOfMessages:         int32(number),
				WaitTimeSeconds:             int32(wait.Seconds()),
				MessageAttributeNames:       []string{"All"},
				MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
			})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failure = err
				return
			}
			received = append(received, output.Messages...)
		})
	}
	pending.Wait()
	if failure != nil {
		p.Logger.WarnContext(ctx, "receiving messages failed and is tried again", "queueUrl", p.QueueURL, "error", failure)
		pause(ctx, errorPause)
	}
	return received
}

// handle takes an event through.
func (p *poller) handle(ctx context.Context, e *event) {
	start := time.Now()
	result, err := p.Invoke(ctx, e.payload())
	duration := time.Since(start)
	var failed map[string]bool
	if err == nil {
		failed, err = readFailures(result.Payload, e.messages)
	}

	var done, back []types.Message
	var ids []string
	for _, message := range e.messages {
		if id := aws.ToString(message.MessageId); err != nil || failed[id] {
			back = append(back, message)
			ids = append(ids, id)
		} else {
			done = append(done, message)
		}
	}
	p.remove(ctx, done)
	if p.RedeliverAfter > 0 {
		p.setVisibility(ctx, back, p.RedeliverAfter)
	}
	if p.Observe != nil {
		p.observing.Lock()
		defer p.observing.Unlock()
		p.Observe(Invocation{
			RequestID:  result.RequestID,
			Messages:   len(e.messages),
			HandedBack: ids,
			Err:        err,
			Duration:   duration,
		})
	}
}

// release makes messages visible again.
func (p *poller) release(ctx context.Context, messages []types.Message) {
	p.setVisibility(ctx, messages, 0)
}

func (p *poller) remove(ctx context.Context, messages []types.Message) {
	p.settle(ctx, "deleting messages", messages, func(ctx context.Context, batch []types.Message) ([]string, error) {
		input := sqs.DeleteMessageBatchInput{QueueUrl: &p.QueueURL}
		for i, message := range batch {
			input.Entries = append(input.Entries, types.DeleteMessageBatchRequestEntry{
				Id:            aws.String(strconv.Itoa(i)),
				ReceiptHandle: message.ReceiptHandle,
			})
		}
		ctx, cancel := context.WithTimeout(ctx, callLimit)
		defer cancel()
		output, err := p.Client.DeleteMessageBatch(ctx, &input)
		if err != nil {
			return nil, err //nolint:wrapcheck // It is logged with what was done.
		}
		var taken []string
		for _, entry := range output.Successful {
			taken = append(taken, aws.ToString(entry.Id))
		}
		return taken, refusal(output.Failed)
	})
}

func (p *poller) setVisibility(ctx context.Context, messages []types.Message, timeout time.Duration) {
	p.settle(ctx, "changing the visibility of messages", messages, func(ctx context.Context, batch []types.Message) ([]string, error) {
		input := sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &p.QueueURL}
		for i, message := range batch {
			input.Entries = append(input.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
				Id:                aws.String(strconv.Itoa(i)),
				ReceiptHandle:     message.ReceiptHandle,
				VisibilityTimeout: int32(timeout.Seconds()),
			})
		}
		ctx, cancel := context.WithTimeout(ctx, callLimit)
		defer cancel()
		output, err := p.Client.ChangeMessageVisibilityBatch(ctx, &input)
		if err != nil {
			return nil, err //nolint:wrapcheck // It is logged with what was done.
		}
		var taken []string
		for _, entry := range output.Successful {
			taken = append(taken, aws.ToString(entry.Id))
		}
		return taken, refusal(output.Failed)
	})
}

// refusal returns the first reason of entries that were not taken.
func refusal(failed []types.BatchResultErrorEntry) error {
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("%s: %s", aws.ToString(failed[0].Code), aws.ToString(failed[0].Message))
}

// settle makes calls about at most ten messages each, several at once. A call
// returns the indexes of the messages that were taken; it is made again for
// those that were not.
func (p *poller) settle(ctx context.Context, what string, messages []types.Message, call func(context.Context, []types.Message) ([]string, error)) {
	slots := make(chan struct{}, parallelCalls)
	var pending sync.WaitGroup
	defer pending.Wait()
	for batch := range slices.Chunk(messages, maxEntries) {
		slots <- struct{}{}
		pending.Go(func() {
			defer func() { <-slots }()
			var err error
			for attempt := range settleAttempts {
				if attempt > 0 {
					pause(ctx, errorPause)
				}
				var taken []string
				taken, err = call(ctx, batch)
				if batch = untaken(batch, taken); len(batch) == 0 {
					return
				}
			}
			p.Logger.WarnContext(ctx, what+" failed and is not tried again", "queueUrl", p.QueueURL, "messages", len(batch), "error", err)
		})
	}
}

// untaken returns the messages whose index is not among those taken. What is
// in neither list of an answer was not taken either.
func untaken(batch []types.Message, taken []string) []types.Message {
	var rest []types.Message
	for i, message := range batch {
		if !slices.Contains(taken, strconv.Itoa(i)) {
			rest = append(rest, message)
		}
	}
	return rest
}

// pause waits, but not beyond the end of ctx, and says whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
