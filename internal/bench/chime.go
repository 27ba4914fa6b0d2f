package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// chime stands in for Amazon Chime: it suspends everybody, and keeps the calls so that they can be checked once the clock has
// stopped.
type chime struct {
	latency time.Duration // of an answer

	mu    sync.Mutex
	calls []call
}

type call struct {
	method, url   string
	authorization string
	body          []byte
}

func (c *chime) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // The subject is gone.
	}
	c.mu.Lock()
	c.calls = append(c.calls, call{r.Method, r.URL.String(), r.Header.Get("Authorization"), body})
	c.mu.Unlock()
	time.Sleep(c.latency)
	w.Header()["Content-Type"] = []string{"application/json"}
	w.Header()["X-Amzn-Requestid"] = []string{"6a7e8feb-b491-4cf7-a9f1-bf3703467718"}
	_, _ = io.WriteString(w, `{"UserErrors":[]}`) // A subject that is gone has failed.
}

// take returns the calls since the last time.
func (c *chime) take() []call {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := c.calls
	c.calls = nil
	return calls
}

// checkCalls returns an error unless there are as many calls as wanted, all signed, which suspend each user of the event once and
// nobody else.
func checkCalls(calls []call, e event, want int) error {
	if len(calls) != want {
		return fmt.Errorf("%d calls for %d users instead of %d", len(calls), len(e.users), want)
	}
	suspended := make(map[user]bool, len(e.users))
	for _, c := range calls {
		path, isSuspension := strings.CutSuffix(c.url, "/users?operation=suspend")
		account, isAccount := strings.CutPrefix(path, "/accounts/")
		if c.method != http.MethodPost || !isSuspension || !isAccount {
			return fmt.Errorf("%s %s is not BatchSuspendUser", c.method, c.url)
		}
		if !strings.HasPrefix(c.authorization, "AWS4-HMAC-SHA256 ") || !strings.Contains(c.authorization, "/chime/aws4_request") {
			return fmt.Errorf("a call is not signed for Chime: its Authorization is %q", c.authorization)
		}
		var input struct {
			UserIDs []string `json:"UserIdList"`
		}
		if err := json.Unmarshal(c.body, &input); err != nil {
			return fmt.Errorf("reading a call: %w", err)
		}
		if len(input.UserIDs) > batchSize {
			return fmt.Errorf("a call has %d users", len(input.UserIDs))
		}
		for _, id := range input.UserIDs {
			u := user{account, id}
			if suspended[u] || !e.users[u] {
				return fmt.Errorf("user %s of account %s was suspended twice, or not asked for", id, account)
			}
			suspended[u] = true
		}
	}
	if missed := len(e.users) - len(suspended); want > 0 && missed > 0 {
		return fmt.Errorf("%d users were not suspended", missed)
	}
	return nil
}
