package worker

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
)

// TestLargeEvents has events that are hardly ever drawn. What has to become of them is the model's to say.
func TestLargeEvents(t *testing.T) {
	for name, s := range map[string]scenario{
		"10,000 records of 1,000 accounts": {Messages: numbered(10_000, func(i int) drawnMessage {
			return asking(fmt.Sprintf("account-%d", i%1000), fmt.Sprintf("user-%d", i))
		})},
		"10,000 records of one message": {Messages: numbered(10_000, func(i int) drawnMessage {
			m := asking("acme", "ada")
			m.ID = "again"
			return m
		})},
		"1,000 records about one user, and nobody answers": {
			Messages: numbered(1000, func(int) drawnMessage { return asking("acme", "ada") }),
			Chime:    []trouble{{Of: "acme", Answers: []string{"hang"}, Ever: true}},
		},
		"1,000 records, and a queue that takes no letter": {
			Messages: numbered(1000, func(i int) drawnMessage { return asking("acme", fmt.Sprintf("user-%d", i)) }),
			DryRun:   true,
			Letters:  []trouble{{Of: "", Answers: []string{"Failed"}, Ever: true}},
		},
		"100,000 letters and a slow queue": {
			Messages: numbered(2000, func(i int) drawnMessage {
				return asking(fmt.Sprintf("account-%d", i), users(50)...)
			}),
			DryRun:       true,
			QueueLatency: 2 * time.Second,
		},
		"bodies of 0 bytes, of 1 MiB, of 100,000 brackets and of 20,000 names": {Messages: numbered(8, func(i int) drawnMessage {
			return drawnMessage{Invalid: true, Body: []string{
				"",
				strings.Repeat("x", 1<<20),
				strings.Repeat("[", 100_000),
				strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
				`{"accountId": "acme", "userIds": ` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`,
				`{"x": ` + strings.Repeat(`{"x": `, 100_000) + "0" + strings.Repeat("}", 100_001),
				`{"accountId": "acme"` + strings.Repeat(`, "userId": "mallory"`, 20_000) + `}`,
				strings.Repeat("\U0010FFFF", 1<<18),
			}[i]}
		})},
		"a body of 1 MiB that is a request": {Messages: numbered(2, func(i int) drawnMessage {
			m := asking("acme", []string{"ada", "nobody"}[i])
			m.Body += strings.Repeat(" ", 1<<20-len(m.Body))
			return m
		}), Chime: []trouble{{Of: "acme/nobody", Answers: []string{"NotFound"}, Ever: true}}},
		"20 letters of 300,000 bytes": {Messages: numbered(1, func(int) drawnMessage {
			m := asking("acme", users(20)...)
			m.Reason = strings.Repeat("r", 300_000)
			m.Body = m.Body[:len(m.Body)-1] + `, "reason": "` + m.Reason + `"}`
			return m
		}), DryRun: true},
		"a character of each kind there is": {Messages: everyKind(), DryRun: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.Deadline, s.MaxReceiveCount, s.Concurrency, s.Latency = time.Minute, 5, 4, time.Millisecond
			var m model
			synctest.Test(t, func(t *testing.T) { m.history = play(t.Context(), s) })
			for i, wrong := range m.check() {
				if t.Error(wrong); i == 10 {
					t.FailNow()
				}
			}
		})
	}
}

// numbered returns n messages, each with an ID if it has none.
func numbered(n int, message func(i int) drawnMessage) []drawnMessage {
	messages := make([]drawnMessage, n)
	for i := range messages {
		m := message(i)
		m.ID = cmp.Or(m.ID, fmt.Sprintf("message-%d", i+1))
		m.Correlation = cmp.Or(m.Correlation, m.ID)
		m.Receipt, m.Count = fmt.Sprintf("receipt-of-%d", i+1), 1+i%5
		messages[i] = m
	}
	return messages
}

func asking(account string, users ...string) drawnMessage {
	return drawnMessage{Body: encoded(map[string]any{"accountId": account, "userIds": users}), Account: account, Users: users}
}

// everyKind has messages with the first and the last character of each of Unicode's categories, in the user's ID and in the
// reason. Only control characters make an ID invalid.
func everyKind() []drawnMessage {
	var messages []drawnMessage
	for category, table := range unicode.Categories {
		if category == "Cs" {
			continue // Half a character can be in no text.
		}
		var characters []rune
		for _, r := range table.R16 {
			characters = append(characters, rune(r.Lo), rune(r.Hi))
		}
		for _, r := range table.R32 {
			characters = append(characters, rune(r.Lo), rune(r.Hi))
		}
		for _, c := range []rune{slices.Min(characters), slices.Max(characters)} {
			id, reason := fmt.Sprintf("a%cz", c), fmt.Sprintf("%c PRIVATE", c)
			messages = append(messages, drawnMessage{
				Body:    encoded(map[string]string{"accountId": "acme", "userId": id, "reason": reason}),
				Account: "acme", Users: []string{id}, Reason: reason,
			})
			if last := &messages[len(messages)-1]; unicode.IsControl(c) {
				last.Invalid, last.Users = true, nil
			}
		}
	}
	return numbered(len(messages), func(i int) drawnMessage { return messages[i] })
}
