package main

import (
	"errors"
	"fmt"
	"time"
)

// Plan is everything that the simulation is told: the load, the settings of template.yaml, what is assumed of the services,
// and the prices.
type Plan struct {
	Requests int           // messages, each for one user
	Over     time.Duration // in which they are sent, evenly; 0 for all at once
	Accounts int           // each has half of the users that the ones before it have left; the last one has the rest

	BatchSize          int
	Window             time.Duration // MaximumBatchingWindowInSeconds
	MaximumConcurrency int           // 0 for none
	MemorySize         int           // MB
	Timeout            time.Duration
	ChimeConcurrency   int
	MaxReceiveCount    int
	UsersPerCall       int // 50; 1 is a handler that makes a call for each message

	Latency     time.Duration // of an answer of Chime's, a refusal included
	Limit       float64       // calls a second that Chime takes before it throttles, and as many at once; 0 for any number
	Outage      time.Duration // from the beginning, in which it throttles every call
	ReceiveRate float64       // ReceiveMessage calls that a poller makes in a second

	Prices
	Seed uint64
}

// standard is the plan that the flags change: the defaults of template.yaml, and assumptions that docs/capacity.md explains.
var standard = Plan{
	Requests: 100_000,
	Accounts: 4,

	BatchSize:          1000,
	Window:             time.Second,
	MaximumConcurrency: 2,
	MemorySize:         256,
	Timeout:            time.Minute,
	ChimeConcurrency:   2,
	MaxReceiveCount:    5,
	UsersPerCall:       50,

	Latency:     100 * time.Millisecond,
	Limit:       10,
	ReceiveRate: 50,

	Prices: Prices{
		LambdaRequest:  0.20e-6,
		LambdaGBSecond: 0.0000133334,
		SQSRequest:     0.40e-6,
		LogGB:          0.50,
		Metric:         0.30,
	},
	Seed: 1,
}

// check refuses a plan that has no end or no sense.
func (p Plan) check() error {
	if p.Latency >= attemptTimeout {
		return fmt.Errorf("the latency is %v, which is as long as an attempt of the worker may last: make it less than %v", p.Latency, attemptTimeout)
	}
	if min(p.Requests, p.Accounts, p.BatchSize, p.MemorySize, p.ChimeConcurrency, p.MaxReceiveCount, p.UsersPerCall) < 1 ||
		min(p.Timeout, p.Latency) <= 0 || min(p.Over, p.Window, p.Outage) < 0 || p.ReceiveRate <= 0 || p.Limit < 0 || p.MaximumConcurrency < 0 {
		return errors.New("a number or duration is too small: see -help for what each means, and make it positive")
	}
	return nil
}

// tutorial returns the plan with a handler as tutorials have it: batches of 10 as they come, and one call after the other,
// each for one user.
func (p Plan) tutorial() Plan {
	p.BatchSize, p.Window, p.ChimeConcurrency, p.UsersPerCall = 10, 0, 1, 1
	return p
}

// What the worker needs of one x86-64 core, and how long its lines are with IDs of 36 characters, both measured: see
// docs/performance.md and TestAgainstTheLocalRun.
const (
	eventCPU   = 450 * time.Microsecond
	messageCPU = 6500 * time.Nanosecond
	callCPU    = 200 * time.Microsecond
	initCPU    = 4 * time.Millisecond

	eventLogBytes = 700 // the metrics
	callLogBytes  = 190
	calledBytes   = 39 // of a user in a call's line
	userLogBytes  = 420
	failLogBytes  = 340 // of a call that was throttled at each attempt
)

// What the worker does: internal/chime, internal/queue, internal/worker.
const (
	maxAttempts       = 3
	attemptTimeout    = 10 * time.Second
	lettersConcurrent = 16 // SendMessageBatch and ChangeMessageVisibilityBatch calls at once
)

// backoff is how long a message that is handed back waits at most, in seconds, after each delivery; at least half of that.
var backoff = [...]int{15, 60, 240, 900}

// What AWS documents.
const (
	// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
	firstPollers = 5
	morePollers  = 300 // a minute
	mostPollers  = 1250
	// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 6 MB an event.
	maxEventBytes = 6 << 20
	// https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
	memoryOfCore = 1769 // MB
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
	maxInFlight = 120_000
	longPoll    = 20 * time.Second
	maxEntries  = 10 // messages a call to SQS
)

// retention is the source queue's in template.yaml.
const retention = 4 * 24 * time.Hour

// What is assumed, because it is not published.
const (
	recordBytes    = 1000                   // of a message in an event, most of it SQS's own
	sqsLatency     = 10 * time.Millisecond  // of a batch call
	coldStart      = 100 * time.Millisecond // besides initCPU; billed too, to be safe
	longPollStep   = 100 * time.Millisecond // after which a poller has what came in a window meanwhile
	keptWarm       = 10 * time.Minute       // how long an idle environment stays
	systemLogBytes = 500                    // bytes of Lambda's own lines of an invocation
)
