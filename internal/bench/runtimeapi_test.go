package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// runtimeOf is a function's side of the Runtime API: it asks for events, and says what answer makes of each.
func runtimeOf(t *testing.T, api *runtimeAPI, answer func(event string) (path, body string)) {
	t.Helper()
	server := httptest.NewServer(api.handler())
	t.Cleanup(func() {
		server.CloseClientConnections() // It waits for an event.
		server.Close()
	})
	go func() {
		for {
			next, err := http.Get(server.URL + "/2018-06-01/runtime/invocation/next")
			if err != nil {
				return // The test is over.
			}
			event, err := io.ReadAll(next.Body)
			_ = next.Body.Close()
			if err != nil || next.Header.Get("Lambda-Runtime-Deadline-Ms") == "" {
				return
			}
			path, body := answer(string(event))
			path = strings.ReplaceAll(path, "ID", next.Header.Get("Lambda-Runtime-Aws-Request-Id"))
			posted, err := http.Post(server.URL+"/2018-06-01/runtime/"+path, "application/json", strings.NewReader(body))
			if err != nil {
				return
			}
			_ = posted.Body.Close()
		}
	}()
}

func TestRuntimeAPIHandsEventsOverAndAnswersBack(t *testing.T) {
	api := newRuntimeAPI()
	runtimeOf(t, api, func(event string) (string, string) { return "invocation/ID/response", "answer to " + event })
	start, err := api.ready(t.Context())
	if err != nil || start.IsZero() {
		t.Fatal(start, err)
	}
	for _, event := range []string{"one", "two"} {
		answer, wall, err := api.invoke(t.Context(), []byte(event))
		if err != nil {
			t.Fatal(err)
		}
		if string(answer) != "answer to "+event || wall <= 0 {
			t.Errorf("the answer is %q after %v", answer, wall)
		}
	}
}

func TestRuntimeAPIReportsAFunctionThatFails(t *testing.T) {
	api := newRuntimeAPI()
	runtimeOf(t, api, func(string) (string, string) { return "invocation/ID/error", "out of order" })
	if _, err := api.ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := api.invoke(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "out of order") {
		t.Errorf("the error is %v", err)
	}
}

func TestRuntimeAPIReportsAStartThatFails(t *testing.T) {
	api := newRuntimeAPI()
	server := httptest.NewServer(api.handler())
	defer server.Close()
	posted, err := http.Post(server.URL+"/2018-06-01/runtime/init/error", "application/json", strings.NewReader("no settings"))
	if err != nil {
		t.Fatal(err)
	}
	_ = posted.Body.Close()
	if _, err := api.ready(t.Context()); err == nil || !strings.Contains(err.Error(), "no settings") {
		t.Errorf("the error is %v", err)
	}
}

func TestRuntimeAPIDoesNotWaitForAProcessThatIsGone(t *testing.T) {
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if _, err := newRuntimeAPI().ready(ctx); !errors.Is(err, gone) {
		t.Errorf("it waits for the request for an event: %v", err)
	}
	if _, _, err := newRuntimeAPI().invoke(ctx, nil); !errors.Is(err, gone) {
		t.Errorf("it waits for the event to be taken: %v", err)
	}
	api := newRuntimeAPI()
	waiting, cancel := context.WithCancelCause(t.Context())
	runtimeOf(t, api, func(string) (string, string) {
		cancel(gone)
		return "", ""
	})
	if _, err := api.ready(waiting); err != nil {
		t.Fatal(err)
	}
	if _, _, err := api.invoke(waiting, nil); !errors.Is(err, gone) {
		t.Errorf("it waits for the answer: %v", err)
	}
}
