package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLedger(t *testing.T) {
	const (
		ask     = `{"accountId": "acme", "userIds": ["ada", "ben"]}`
		invalid = `ada, please`
	)
	before := map[string][]string{"acme": {"old"}}
	for name, test := range map[string]struct {
		messages map[string]string // bodies by ID
		letters  [][3]string       // message, code, body
		now      map[string][]string
		accounts []total
		missing  []string
		strays   []string
	}{
		"suspended and lettered": {
			messages: map[string]string{"m1": ask},
			letters:  [][3]string{{"m1", "NotFound", `{"accountId": "acme", "userId": "ben", "reason": "Gone"}`}},
			now:      map[string][]string{"acme": {"ada", "old"}},
			accounts: []total{{account: "acme", asked: 2, suspended: 1, deadLetters: 1, codes: map[string]int{"NotFound": 1}}},
		},
		"nothing happened": {
			messages: map[string]string{"m1": ask},
			now:      before,
			accounts: []total{{account: "acme", asked: 2}},
			missing:  []string{"ada of acme, asked for in story.json", "ben of acme, asked for in story.json"},
		},
		"asked for twice, and suspended once": {
			messages: map[string]string{"m1": ask, "m2": ask},
			now:      map[string][]string{"acme": {"ada", "ben"}},
			accounts: []total{{account: "acme", asked: 4, suspended: 4}},
		},
		"asked for in one account, suspended in another": {
			messages: map[string]string{"m1": `{"accountId": "acme", "userId": "ada"}`},
			now:      map[string][]string{"team": {"ada"}},
			accounts: []total{{account: "acme", asked: 1}},
			missing:  []string{"ada of acme, asked for in story.json"},
			strays:   []string{"ada of team is suspended, but nobody asked for it"},
		},
		"a letter counts more than a suspension": {
			messages: map[string]string{"m1": `{"accountId": "team", "userId": "ada"}`},
			letters:  [][3]string{{"m1", "NotFound", `{"accountId": "team", "userId": "ada"}`}},
			now:      map[string][]string{"team": {"ada"}},
			accounts: []total{{account: "team", asked: 1, deadLetters: 1, codes: map[string]int{"NotFound": 1}}},
		},
		"an invalid message with its letter": {
			messages: map[string]string{"m1": invalid},
			letters:  [][3]string{{"m1", "InvalidRequest", invalid}},
			accounts: []total{{asked: 1, deadLetters: 1, codes: map[string]int{"InvalidRequest": 1}}},
		},
		"an invalid message without": {
			messages: map[string]string{"m1": invalid},
			accounts: []total{{asked: 1}},
			missing:  []string{"an invalid message of story.json"},
		},
		"moved by the redrive policy": {
			messages: map[string]string{"m1": ask, "m2": invalid},
			letters:  [][3]string{{"m1", "", ask}, {"m2", "", invalid}},
			accounts: []total{
				{asked: 1, deadLetters: 1, codes: map[string]int{"redriven by the queue": 1}},
				{account: "acme", asked: 2, deadLetters: 2, codes: map[string]int{"redriven by the queue": 2}},
			},
		},
		"one whom the settings protect is suspended": {
			messages: map[string]string{"m1": `{"accountId": "acme", "userId": "boss"}`},
			now:      map[string][]string{"acme": {"boss"}},
			accounts: []total{{account: "acme", asked: 1, suspended: 1}},
			strays:   []string{"boss of acme is suspended, whom the settings protect"},
		},
		"letters for nobody": {
			messages: map[string]string{"m1": ask},
			letters: [][3]string{
				{"m1", "NotFound", `{"accountId": "acme", "userId": "cleo"}`},
				{"m1", "NotFound", `{"accountId": "team", "userId": "ada"}`},
				{"m2", "NotFound", `{"accountId": "acme", "userId": "ada"}`},
				{"m3", "", invalid},
			},
			now:      map[string][]string{"acme": {"ada", "ben"}},
			accounts: []total{{account: "acme", asked: 2, suspended: 2}},
			strays: []string{
				`a dead letter (NotFound) for "cleo" of "acme", whom message m1 did not ask for`,
				`a dead letter (NotFound) for "ada" of "team", whom message m1 did not ask for`,
				`a dead letter (NotFound) for "ada" of "acme", whom message m2 did not ask for`,
				`a dead letter (redriven by the queue) for "" of "", whom message m3 did not ask for`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var l ledger
			var all total
			for id, body := range test.messages {
				l.sent(id, body, "story.json")
			}
			for _, letter := range test.letters {
				l.lettered(letter[0], letter[1], letter[2])
			}
			l.suspended(test.now, before, func(_, user string) bool { return user == "boss" })
			accounts, sum, missing := l.totals()
			var names []string
			for _, a := range missing {
				names = append(names, a.String())
			}
			for _, a := range test.accounts {
				all.asked += a.asked
				all.suspended += a.suspended
				all.deadLetters += a.deadLetters
			}
			sum.codes = nil
			exported := cmp.AllowUnexported(total{})
			for what, diff := range map[string]string{
				"accounts": cmp.Diff(test.accounts, accounts, exported),
				"all":      cmp.Diff(all, sum, exported),
				"missing":  cmp.Diff(test.missing, names),
				"strays":   cmp.Diff(test.strays, l.strays),
			} {
				if diff != "" {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
			}
		})
	}
}
