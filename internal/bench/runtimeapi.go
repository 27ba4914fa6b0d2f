package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// runtimeAPI is what a runtime needs of Lambda's Runtime API (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html). It
// is for one process, and notes exactly when what happens.
type runtimeAPI struct {
	asked   chan time.Time // for an event
	events  chan []byte
	answers chan answer
}

// answer is what the function says to an event.
type answer struct {
	at   time.Time
	body []byte
	err  error
}

// functionTimeout is the longest that Lambda has (https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html).
const functionTimeout = 15 * time.Minute

func newRuntimeAPI() *runtimeAPI {
	return &runtimeAPI{asked: make(chan time.Time, 1), events: make(chan []byte), answers: make(chan answer, 1)}
}

func (a *runtimeAPI) handler() http.Handler {
	const prefix = "/2018-06-01/runtime/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+prefix+"invocation/next", a.serveNext)
	mux.HandleFunc("POST "+prefix+"invocation/{id}/response", a.serveAnswer)
	mux.HandleFunc("POST "+prefix+"invocation/{id}/error", a.serveError)
	mux.HandleFunc("POST "+prefix+"init/error", a.serveError)
	return mux
}

func (a *runtimeAPI) serveNext(w http.ResponseWriter, r *http.Request) {
	a.asked <- time.Now()
	select {
	case payload := <-a.events:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(functionTimeout).UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:suspend-users")
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0")
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(payload) // A process that is gone is noticed as such.
	case <-r.Context().Done():
	}
}

func (a *runtimeAPI) serveAnswer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	a.answers <- answer{time.Now(), body, err}
	w.WriteHeader(http.StatusAccepted)
}

func (a *runtimeAPI) serveError(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = fmt.Errorf("the function says %s", body)
	}
	a.answers <- answer{err: err}
	w.WriteHeader(http.StatusAccepted)
}

// ready waits until the process asks for an event.
func (a *runtimeAPI) ready(ctx context.Context) (time.Time, error) {
	select {
	case at := <-a.asked:
		return at, nil
	case failed := <-a.answers:
		return time.Time{}, failed.err
	case <-ctx.Done():
		return time.Time{}, context.Cause(ctx)
	}
}

// invoke hands over an event that the process has asked for. It returns the answer and how long it took, once the process asks
// for the next.
func (a *runtimeAPI) invoke(ctx context.Context, payload []byte) ([]byte, time.Duration, error) {
	start := time.Now()
	select {
	case a.events <- payload:
	case <-ctx.Done():
		return nil, 0, context.Cause(ctx)
	}
	select {
	case got := <-a.answers:
		if got.err != nil {
			return nil, 0, got.err
		}
		_, err := a.ready(ctx)
		return got.body, got.at.Sub(start), err
	case <-ctx.Done():
		return nil, 0, context.Cause(ctx)
	}
}
