package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"chime-offboarding/internal/local/world"
)

const (
	standinsRole = "standins"
	standinsHost = "standins" // in the network of the containers
	chimePort    = "8080"
	queuePort    = "9324"
)

// task is what the stand-ins are told, one after the other: an event, for which they make a new world, then the function's
// answer to it.
type task struct {
	Directory []byte // of the world's users
	Event     []byte
	Answer    []byte // nil while there is none
}

// result is what they say to it: to an event the same with real receipt handles, and where the world is; to an answer how the
// event has ended.
type result struct {
	Event    []byte
	Settings map[string]string
	Ending   world.Ending
	Letters  []world.Letter
	Error    string
}

// standins are a world after the other, each behind the same two URLs.
type standins struct {
	world atomic.Pointer[world.World]
	event []byte
}

// serveStandins serves the stand-ins in their container until there are no more tasks, so that they end with who gives them.
func serveStandins(ctx context.Context) error {
	var s standins
	for port, handler := range map[string]http.HandlerFunc{chimePort: s.chime, queuePort: s.queue} {
		var listen net.ListenConfig
		listener, err := listen.Listen(ctx, "tcp", ":"+port)
		if err != nil {
			return fmt.Errorf("listening: %w", err)
		}
		server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
		go func() { _ = server.Serve(listener) }() // It ends with the container.
	}
	return s.work(ctx, os.Stdin, os.Stdout)
}

func (s *standins) chime(w http.ResponseWriter, r *http.Request) {
	s.world.Load().Chime.ServeHTTP(w, r)
}

func (s *standins) queue(w http.ResponseWriter, r *http.Request) {
	s.world.Load().Queue.ServeHTTP(w, r)
}

// work does the tasks that it reads, and writes the result of each.
func (s *standins) work(ctx context.Context, tasks io.Reader, results io.Writer) error {
	decoder, encoder := json.NewDecoder(tasks), json.NewEncoder(results)
	for {
		var t task
		switch err := decoder.Decode(&t); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading a task: %w", err)
		}
		r, err := s.do(ctx, t)
		if err != nil {
			r.Error = err.Error()
		}
		if err := encoder.Encode(r); err != nil {
			return fmt.Errorf("writing a result: %w", err)
		}
	}
}

func (s *standins) do(ctx context.Context, t task) (r result, err error) {
	if t.Answer != nil {
		r.Ending, r.Letters, err = s.world.Load().End(ctx, s.event, t.Answer)
		return r, err
	}
	w, err := world.New(ctx, bytes.NewReader(t.Directory), t.Event)
	if err != nil {
		return r, err
	}
	s.world.Store(w)
	s.event = t.Event
	r.Settings = w.Settings("http://"+standinsHost+":"+chimePort, "http://"+standinsHost+":"+queuePort)
	r.Event, err = w.Receive(ctx, t.Event)
	return r, err
}

// remote gives tasks to stand-ins elsewhere.
type remote struct {
	tasks   *json.Encoder
	results *json.Decoder
}

func (r remote) do(t task) (result, error) {
	var done result
	err := r.tasks.Encode(t)
	if err == nil {
		err = r.results.Decode(&done)
	}
	if err != nil {
		return done, fmt.Errorf("the stand-ins have ended: %w", err)
	}
	if done.Error != "" {
		return done, errors.New(done.Error)
	}
	return done, nil
}
