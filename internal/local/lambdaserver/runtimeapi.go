package lambdaserver

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

// runtimeAPI serves the Runtime API to one process. Lambda developer guide,
// runtimes-api.
func (e *environment) runtimeAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", e.serveNext)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{requestID}/response", e.serveResponse)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{requestID}/error", e.serveError)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", e.serveInitError)
	return mux
}

func (e *environment) serveNext(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	busy := e.current != nil
	e.mu.Unlock()
	if busy {
		reply(w, http.StatusForbidden, "InvalidStateTransition", "the last event was not answered yet")
		return
	}
	select {
	case e.asked <- struct{}{}:
	default: // A request for an event was given up and made again.
	}
	select {
	case inv := <-e.invocations:
		e.mu.Lock()
		e.current = inv
		e.mu.Unlock()
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", inv.requestID)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", e.config.arn())
		h.Set("Lambda-Runtime-Trace-Id", newTraceID(time.Now()))
		_, _ = w.Write(inv.event) // A process that is gone is noticed as such.
	case <-r.Context().Done():
	}
}

func (e *environment) serveResponse(w http.ResponseWriter, r *http.Request) {
	inv := e.finish(r.PathValue("requestID"))
	if inv == nil {
		replyInvalidRequestID(w)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxResponse+1))
	switch {
	case err != nil:
		reply(w, http.StatusBadRequest, "TruncatedHTTPRequest", "HTTP request detected as truncated")
	case len(body) > maxResponse:
		inv.outcome <- outcome{err: &FunctionError{
			Type:    "Function.ResponseSizeTooLarge",
			Message: fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxResponse),
		}}
		_, _ = io.Copy(io.Discard, r.Body) // Or the runtime fails while it sends and sees no answer.
		reply(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
			fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", maxResponse))
	default:
		inv.outcome <- outcome{response: body}
		replyAccepted(w)
	}
}

func (e *environment) serveError(w http.ResponseWriter, r *http.Request) {
	inv := e.finish(r.PathValue("requestID"))
	if inv == nil {
		replyInvalidRequestID(w)
		return
	}
	inv.outcome <- outcome{err: readFunctionError(r)}
	replyAccepted(w)
}

func (e *environment) serveInitError(w http.ResponseWriter, r *http.Request) {
	select {
	case e.initFailed <- readFunctionError(r):
		replyAccepted(w)
	default:
		reply(w, http.StatusForbidden, "InvalidStateTransition", "an init error was reported already")
	}
}

// finish returns the invocation that the runtime works on if it has this ID,
// and nil for any other ID and for an invocation answered before.
func (e *environment) finish(requestID string) *invocation {
	e.mu.Lock()
	defer e.mu.Unlock()
	inv := e.current
	if inv == nil || inv.requestID != requestID {
		return nil
	}
	e.current = nil
	return inv
}

func readFunctionError(r *http.Request) *FunctionError {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxResponse))
	if err != nil {
		body = []byte(err.Error())
	}
	return parseFunctionError(body, r.Header.Get("Lambda-Runtime-Function-Error-Type"))
}

func replyAccepted(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`) // A process that is gone is noticed as such.
}

func replyInvalidRequestID(w http.ResponseWriter) {
	reply(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
}

func reply(w http.ResponseWriter, status int, errorType, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.MarshalWrite(w, FunctionError{Type: errorType, Message: message}) // A process that is gone is noticed as such.
}

func (c *Config) arn() string {
	return fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", c.Region, c.AccountID, c.FunctionName)
}

// newTraceID returns an X-Ray tracing header that asks for no trace. X-Ray
// developer guide, xray-concepts, "Tracing header".
func newTraceID(now time.Time) string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // It never fails.
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=0", now.Unix(), b[:12], b[12:])
}
