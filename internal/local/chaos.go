package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// chaos breaks things between the worker and the world, and the worker itself, as a seed has it. What it breaks never lies: a
// user who is said to be suspended is, and a letter that is said to be taken is.
type chaos struct {
	name    string
	rate    float64   // of requests that something goes wrong with
	strikes bool      // whether the worker's processes are struck at
	chime   time.Time // until when Chime is gone
	letters time.Time // until when the dead-letter queue is

	mu       sync.Mutex
	random   *rand.Rand
	injected map[string]int // how often, by kind
	process  []*os.Process  // the worker's, the newest last
	stop     chan struct{}
	stopped  sync.WaitGroup
}

const (
	faultRate   = 0.06                    // of the requests
	latest      = 1000 * time.Millisecond // of an answer that is late
	strikeEvery = 1200 * time.Millisecond // on average, at a process
)

func newChaos(seed uint64) *chaos {
	return &chaos{
		name:     fmt.Sprintf("seed %d: the network, Chime, the queue and the worker break", seed),
		rate:     faultRate,
		strikes:  true,
		random:   rand.New(rand.NewPCG(seed, 0)),
		injected: make(map[string]int),
		stop:     make(chan struct{}),
	}
}

// trouble answers a request in place of a service, which it may ask itself.
type trouble struct {
	name   string
	answer func(c *chaos, service http.Handler, w http.ResponseWriter, r *http.Request, body []byte)
}

// What can go wrong with a request to either service, to Chime, and to the queue.
var (
	troubles = []trouble{
		{"late", func(c *chaos, service http.Handler, w http.ResponseWriter, r *http.Request, _ []byte) {
			time.Sleep(time.Duration(c.number(int(latest))))
			service.ServeHTTP(w, r)
		}},
		{"unheard", func(*chaos, http.Handler, http.ResponseWriter, *http.Request, []byte) {
			panic(http.ErrAbortHandler)
		}},
		{"unanswered", func(_ *chaos, service http.Handler, _ http.ResponseWriter, r *http.Request, _ []byte) {
			service.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}},
		{"hanging", func(_ *chaos, _ http.Handler, _ http.ResponseWriter, r *http.Request, _ []byte) {
			<-r.Context().Done()
		}},
		{"garbled", func(_ *chaos, service http.Handler, w http.ResponseWriter, r *http.Request, _ []byte) {
			service.ServeHTTP(httptest.NewRecorder(), r)
			_, _ = io.WriteString(w, "<html>It works!</html>")
		}},
		{"half an answer", func(_ *chaos, service http.Handler, w http.ResponseWriter, r *http.Request, _ []byte) {
			whole := httptest.NewRecorder()
			service.ServeHTTP(whole, r)
			maps.Copy(w.Header(), whole.Header())
			w.Header().Set("Content-Length", strconv.Itoa(whole.Body.Len()))
			w.WriteHeader(whole.Code)
			_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
			panic(http.ErrAbortHandler)
		}},
		{"refused", func(c *chaos, _ http.Handler, w http.ResponseWriter, _ *http.Request, _ []byte) {
			answers := []struct {
				status    int
				exception string
			}{
				{http.StatusTooManyRequests, "ThrottledClientException"},
				{http.StatusInternalServerError, "ServiceFailureException"},
				{http.StatusServiceUnavailable, ""},
				{http.StatusForbidden, "AccessDeniedException"},
				{http.StatusUnauthorized, "UnauthorizedClientException"},
				{http.StatusTeapot, ""},
			}
			a := answers[c.number(len(answers))]
			if a.exception != "" {
				w.Header().Set("X-Amzn-ErrorType", a.exception)
			}
			w.WriteHeader(a.status)
			_, _ = io.WriteString(w, "{}")
		}},
	}
	ofChime = []trouble{
		{"a stranger's error", func(_ *chaos, service http.Handler, w http.ResponseWriter, r *http.Request, _ []byte) {
			service.ServeHTTP(httptest.NewRecorder(), r)
			_, _ = io.WriteString(w, `{"UserErrors": [{"UserId": "nobody who was asked for", "ErrorCode": "NotFound"}]}`)
		}},
	}
	ofQueue = []trouble{
		{"half a batch", func(c *chaos, service http.Handler, w http.ResponseWriter, r *http.Request, body []byte) {
			var batch struct {
				QueueURL string `json:"QueueUrl"`
				Entries  []json.RawMessage
			}
			if err := json.Unmarshal(body, &batch); err == nil && len(batch.Entries) > 0 {
				batch.Entries = batch.Entries[:1+c.number(len(batch.Entries))]
				if body, err = json.Marshal(batch); err != nil {
					panic(err) // It has just been read.
				}
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			service.ServeHTTP(w, r)
		}},
	}
)

// number returns a random number below n.
func (c *chaos) number(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.random.IntN(n)
}

// newOutage returns a chaos in which nothing is wrong but that Chime, the dead-letter queue, or both are gone for a time.
func newOutage(chime, letters time.Duration) *chaos {
	c := newChaos(0)
	c.name = fmt.Sprintf("Chime is gone for %v, the dead-letter queue for %v", chime, letters)
	c.rate, c.strikes = 0, false
	c.chime, c.letters = time.Now().Add(chime), time.Now().Add(letters)
	return c
}

// gone reports whether who is asked is not there.
func (c *chaos) gone(r *http.Request) bool {
	until := c.chime
	switch r.Header.Get("X-Amz-Target") {
	case "":
	case "AmazonSQS.SendMessageBatch":
		until = c.letters
	default:
		return false
	}
	return time.Now().Before(until)
}

// around puts the chaos between the worker and a service, with what can go wrong with that one only.
func (c *chaos) around(service http.Handler, only []trouble) http.Handler {
	possible := slices.Concat(troubles, only)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // The worker was killed while it was asking.
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if c.gone(r) {
			c.count("gone")
			w.WriteHeader(http.StatusServiceUnavailable)
		} else if t := c.draw(possible); t != nil {
			c.count(t.name)
			t.answer(c, service, w, r, body)
		} else {
			service.ServeHTTP(w, r)
		}
	})
}

// draw returns what goes wrong with a request, or nil.
func (c *chaos) draw(possible []trouble) *trouble {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.random.Float64() >= c.rate {
		return nil
	}
	return &possible[c.random.IntN(len(possible))]
}

func (c *chaos) count(kind string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.injected[kind]++
}

// started notes a process of the worker.
func (c *chaos) started(p *os.Process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.process = append(c.process, p)
}

// begin strikes at the worker's processes until end: some are killed, some stand still until their time is up.
func (c *chaos) begin() {
	if !c.strikes {
		return
	}
	c.stopped.Go(func() {
		for {
			select {
			case <-c.stop:
				return
			case <-time.After(time.Duration(c.number(int(2 * strikeEvery)))):
				c.strike()
			}
		}
	})
}

func (c *chaos) end() {
	close(c.stop)
	c.stopped.Wait()
}

func (c *chaos) strike() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.process) == 0 {
		return
	}
	victim := c.random.IntN(len(c.process))
	name, signal := "killed", syscall.SIGKILL
	if c.random.IntN(4) == 0 {
		name, signal = "stopped", syscall.SIGSTOP
	}
	if c.process[victim].Signal(signal) == nil { // Else it is gone already.
		c.injected[name]++
	}
	c.process = slices.Delete(c.process, victim, victim+1)
}

// String says what was broken, and how often.
func (c *chaos) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var kinds []string
	sum := 0
	for _, name := range slices.Sorted(maps.Keys(c.injected)) {
		kinds = append(kinds, fmt.Sprintf("%s %d", name, c.injected[name]))
		sum += c.injected[name]
	}
	return fmt.Sprintf("%s: %s", plural(sum, "fault"), strings.Join(kinds, ", "))
}
