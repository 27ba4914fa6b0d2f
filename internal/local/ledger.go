package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"chime-offboarding/internal/request"
)

// ledger accounts for everybody whom a run asks for: each has to be suspended in the end, or have a dead letter.
type ledger struct {
	asks      []ask
	byMessage map[string][]int // the asks of a message, by its ID
	parser    request.Parser
	strays    []string // what happened to somebody who was not asked for
}

// ask is one user of one message. A message that is invalid is one ask without a user.
type ask struct {
	account, user string
	story         string
	letter        string // the code of the dead letter
	suspended     bool
}

func (a ask) String() string {
	if a.user == "" {
		return "an invalid message of " + a.story
	}
	return a.user + " of " + a.account + ", asked for in " + a.story
}

// sent notes a message that the queue has taken.
func (l *ledger) sent(messageID, body, story string) {
	if l.byMessage == nil {
		l.byMessage = make(map[string][]int)
	}
	asked, err := l.parser.Parse(body)
	if err != nil {
		asked = request.Request{UserIDs: []string{""}}
	}
	for _, user := range asked.UserIDs {
		l.byMessage[messageID] = append(l.byMessage[messageID], len(l.asks))
		l.asks = append(l.asks, ask{account: asked.AccountID, user: user, story: story})
	}
}

// lettered notes a dead letter: of the worker, with the ID of the message that it is about and a code; or one that the
// queue's redrive policy has moved, with its own ID and no code.
func (l *ledger) lettered(messageID, code, body string) {
	var letter struct{ AccountID, UserID string }
	_ = json.Unmarshal([]byte(body), &letter) // The letter of an invalid message need not be JSON.
	ofAll := code == ""
	code = cmp.Or(code, "redriven by the queue")
	found := false
	for _, i := range l.byMessage[messageID] {
		if a := &l.asks[i]; ofAll || a.user == "" || a.account == letter.AccountID && a.user == letter.UserID {
			a.letter = code
			found = true
		}
	}
	if !found {
		l.strays = append(l.strays, fmt.Sprintf("a dead letter (%s) for %q of %q, whom message %s did not ask for", code, letter.UserID, letter.AccountID, messageID))
	}
}

// suspended notes who is locked out now and who was before, by account, and who must never be.
func (l *ledger) suspended(now, before map[string][]string, untouchable func(account, user string) bool) {
	type key struct{ account, user string }
	locked := make(map[key]bool)
	for account, users := range now {
		for _, user := range users {
			locked[key{account, user}] = true
		}
	}
	asked := make(map[key]bool)
	for i := range l.asks {
		a := &l.asks[i]
		k := key{a.account, a.user}
		a.suspended = locked[k]
		asked[k] = true
	}
	for k := range locked {
		if slices.Contains(before[k.account], k.user) {
			continue
		}
		if untouchable(k.account, k.user) {
			l.strays = append(l.strays, fmt.Sprintf("%s of %s is suspended, whom the settings protect", k.user, k.account))
		}
		if !asked[k] {
			l.strays = append(l.strays, fmt.Sprintf("%s of %s is suspended, but nobody asked for it", k.user, k.account))
		}
	}
}

// total is what became of the users of an account, or of all.
type total struct {
	account                       string
	asked, suspended, deadLetters int
	codes                         map[string]int
}

// add counts an ask. Who has a letter counts as that: of a Team account, say, the user had left before.
func (t *total) add(a ask) {
	t.asked++
	switch {
	case a.letter != "":
		t.deadLetters++
		if t.codes == nil {
			t.codes = make(map[string]int)
		}
		t.codes[a.letter]++
	case a.suspended:
		t.suspended++
	}
}

// totals returns the sums by account and over all, and who is missing: neither suspended nor with a dead letter.
func (l *ledger) totals() (accounts []total, all total, missing []ask) {
	byAccount := make(map[string]*total)
	for _, a := range l.asks {
		t := byAccount[a.account]
		if t == nil {
			t = &total{account: a.account}
			byAccount[a.account] = t
		}
		t.add(a)
		all.add(a)
		if a.letter == "" && !a.suspended {
			missing = append(missing, a)
		}
	}
	for _, account := range slices.Sorted(maps.Keys(byAccount)) {
		accounts = append(accounts, *byAccount[account])
	}
	return accounts, all, missing
}
