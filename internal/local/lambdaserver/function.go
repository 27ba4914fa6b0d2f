// Package lambdaserver stands in for the Lambda service on one machine: a
// Function runs a real worker binary in execution environments of its own, and
// a Mapping feeds it from a real queue.
package lambdaserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	// maxPayload is the size of the largest event, in bytes. Lambda developer
	// guide, gettingstarted-limits: 6 MB for a synchronous invocation.
	maxPayload = 6_291_456
	// maxResponse is the size of the largest response, in bytes: the runtime
	// interface emulator of Lambda allows 100 bytes more than for an event.
	maxResponse = maxPayload + 100
	// initLimit is how long a worker may take to ask for its first event.
	// Lambda developer guide, lambda-runtime-environment: 10 seconds.
	initLimit = 10 * time.Second
)

// ErrClosed is the error of an invocation of a closed function.
var ErrClosed = errors.New("the function is closed")

// Config describes a function.
type Config struct {
	// Binary is the path of the worker, an executable for this machine that
	// runs on provided.al2023. It must be set.
	Binary string
	// Env is the environment that the function's configuration sets, the
	// credentials of its role included. Nothing else reaches the worker but
	// the variables that Lambda sets, of which the reserved ones win.
	Env map[string]string
	// FunctionName, Region and AccountID make up the function's ARN. They
	// must be set.
	FunctionName, Region, AccountID string
	// Timeout is how long an invocation may take, without the start of the
	// worker. It must be set.
	Timeout time.Duration
	// MemorySize, in MB, is told to the worker and not enforced. It must be
	// set.
	MemorySize int
	// Concurrency is how many invocations run at once, each in a process of
	// its own; further ones wait. It must be at least 1.
	Concurrency int
	// Stdout and Stderr take what the workers print, one whole line a call
	// and one call at a time. Nil discards it. Close has returned only after
	// the last line.
	Stdout, Stderr io.Writer
	// Started is told of each process once it runs. It may be nil.
	Started func(*os.Process)
}

// FunctionError is the error of an invocation that reached the function and
// failed there, as Lambda describes it.
type FunctionError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// parseFunctionError reads the body that a runtime posts as an error. The
// header may name the type too (Lambda developer guide, runtimes-api).
func parseFunctionError(body []byte, headerType string) *FunctionError {
	var e FunctionError
	if err := json.Unmarshal(body, &e); err != nil || e == (FunctionError{}) {
		e.Message = string(body)
	}
	if e.Type == "" {
		e.Type = headerType
	}
	if e.Type == "" {
		e.Type = "Runtime.Unknown"
	}
	return &e
}

// Result is what came of an invocation.
type Result struct {
	// RequestID is the invocation's ID in the worker's log, also where the
	// invocation failed.
	RequestID string
	// Payload is the function's response.
	Payload []byte
}

// Function runs a worker binary as Lambda would.
type Function struct {
	config Config
	output sync.Mutex    // held while a line is written
	slots  chan struct{} // an element for each invocation under way
	closed chan struct{}
	close  func()

	mu   sync.Mutex
	idle []*environment // the one used last is at the end
}

// NewFunction returns a function. Its first process is started by the first
// invocation.
func NewFunction(config Config) *Function {
	f := &Function{
		config: config,
		slots:  make(chan struct{}, config.Concurrency),
		closed: make(chan struct{}),
	}
	f.close = sync.OnceFunc(f.stop)
	return f
}

// Invoke hands an event to the function and waits for its response. Where the
// function itself failed the error is a *FunctionError. When ctx ends, the
// worker is killed.
func (f *Function) Invoke(ctx context.Context, event []byte) (Result, error) {
	if len(event) > maxPayload {
		return Result{}, fmt.Errorf("invoking %s: the event has %d bytes; make it at most %d", f.config.FunctionName, len(event), maxPayload)
	}
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	case <-f.closed:
		return Result{}, fmt.Errorf("invoking %s: %w", f.config.FunctionName, ErrClosed)
	case <-ctx.Done():
		return Result{}, fmt.Errorf("waiting for another invocation of %s to end: %w", f.config.FunctionName, context.Cause(ctx))
	}

	inv := newInvocation(event)
	result := Result{RequestID: inv.requestID}
	env, err := f.takeEnvironment(ctx)
	if err != nil {
		return result, fmt.Errorf("starting %s: %w", f.config.FunctionName, err)
	}
	result.Payload, err = env.invoke(ctx, inv)
	if !env.hasExited() {
		f.mu.Lock()
		f.idle = append(f.idle, env)
		f.mu.Unlock()
	}
	if err != nil {
		return result, fmt.Errorf("invoking %s: %w", f.config.FunctionName, err)
	}
	return result, nil
}

// Close waits for the invocations under way, then stops every process and
// waits for its end. The function cannot be used afterwards.
func (f *Function) Close() { f.close() }

// takeEnvironment returns the environment that was used last, or a new one.
func (f *Function) takeEnvironment(ctx context.Context) (*environment, error) {
	f.mu.Lock()
	for len(f.idle) > 0 {
		last := len(f.idle) - 1
		env := f.idle[last]
		f.idle = f.idle[:last]
		if !env.hasExited() {
			f.mu.Unlock()
			return env, nil
		}
	}
	f.mu.Unlock()

	ctx, cancel := context.WithTimeoutCause(ctx, initLimit, timedOut("Init phase", initLimit))
	defer cancel()
	return f.startEnvironment(ctx)
}

func (f *Function) stop() {
	close(f.closed)
	for range cap(f.slots) {
		f.slots <- struct{}{}
	}
	var stopping sync.WaitGroup
	for _, env := range f.idle {
		stopping.Go(env.stop)
	}
	stopping.Wait()
}

// timedOut is Lambda's error for what took longer than it may.
func timedOut(what string, limit time.Duration) *FunctionError {
	return &FunctionError{
		Type:    "Sandbox.Timedout",
		Message: fmt.Sprintf("%s timed out after %.2f seconds", what, limit.Seconds()),
	}
}

// newRequestID returns a random UUID.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // It never fails.
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
