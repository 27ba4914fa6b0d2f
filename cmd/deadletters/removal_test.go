package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"
)

// trouble is what may become of a call.
var trouble = []string{"", "", "", "", "refused", "failed", "unanswered", "lost", "partly done", "nonsense", "interrupted"}

// TestNoLetterIsDeletedBeforeItIsSafe breaks any call in any way, at any time. A letter may only be deleted when the source
// queue has taken its body, or, to be discarded, the file has it; letters that are not meant are left alone; and what is
// reported is what has happened.
func TestNoLetterIsDeletedBeforeItIsSafe(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := newStage(t)
		defer s.close()
		meant := s.users("Throttled", rapid.IntRange(1, 25).Draw(rt, "letters that are meant"))
		s.users("NotFound", rapid.IntRange(0, 15).Draw(rt, "others"))
		s.program.pace.calls = rapid.SampledFrom([]int{1, 8}).Draw(rt, "calls at once")
		plan := rapid.SliceOfN(rapid.SampledFrom(trouble), 0, 60).Draw(rt, "trouble")
		command := rapid.SampledFrom([]string{"redrive", "discard"}).Draw(rt, "command")
		file := filepath.Join(t.TempDir(), "letters.jsonl")

		ctx, interrupt := context.WithCancel(t.Context())
		defer interrupt()
		bodies := map[string]string{} // by receipt handle
		safe := map[string]bool{}
		deleted := map[string]bool{}
		s.intercept = func(c *call) {
			var what string
			if len(plan) > 0 {
				what, plan = plan[0], plan[1:]
			}
			done := true
			switch what {
			case "refused":
				c.fail(http.StatusForbidden, "AccessDenied")
				done = false
			case "failed":
				c.fail(http.StatusInternalServerError, "InternalFailure")
				done = false
			case "unanswered":
				done = false
			case "partly done":
				if len(c.in.Entries) > 0 {
					c.only(func(i int) bool { return i%3 == 0 })
					c.in.Entries = slices.Collect(func(yield func(entry) bool) {
						for i := 0; i < len(c.in.Entries); i += 3 {
							if !yield(c.in.Entries[i]) {
								return
							}
						}
					})
				} else {
					c.do()
				}
			case "interrupted":
				interrupt()
				c.do()
			default:
				c.do()
			}
			if done {
				switch c.action {
				case "ReceiveMessage":
					var out struct {
						Messages []struct{ Body, ReceiptHandle string }
					}
					must(t, json.Unmarshal(c.answer.Body.Bytes(), &out))
					for _, m := range out.Messages {
						bodies[m.ReceiptHandle] = m.Body
					}
				case "SendMessageBatch":
					for _, e := range c.in.Entries {
						safe[e.MessageBody] = true
					}
				case "DeleteMessageBatch":
					written, _ := os.ReadFile(file)
					for _, e := range c.in.Entries {
						body := bodies[e.ReceiptHandle]
						deleted[body] = true
						quoted, _ := json.Marshal(body)
						if !slices.Contains(meant, body) || !safe[body] && !bytes.Contains(written, quoted) {
							rt.Errorf("%s is deleted and is not safe", body)
						}
					}
				}
			}
			switch what {
			case "lost":
				c.answer = nil
			case "nonsense":
				c.give("<html>")
			}
		}

		s.ctx = ctx
		args := []string{"-code", "Throttled", "-yes"}
		if command == "discard" {
			args = append(args, "-file", file)
		} else {
			args = append(args, "-rate", "100000")
		}
		code, out, err := s.run(command, args...)
		s.ctx = t.Context()
		switch code {
		case exitDone:
			if len(deleted) != len(meant) {
				rt.Errorf("%d of %d letters are deleted, and all was done: %s%s", len(deleted), len(meant), out, err)
			}
		case exitFailed, exitNothing:
			if len(safe)+len(deleted) > 0 {
				rt.Errorf("%d letters are sent and %d deleted, and nothing was done: %s%s", len(safe), len(deleted), out, err)
			}
		case exitPart:
		default:
			rt.Errorf("the exit code is %d: %s%s", code, out, err)
		}
		sent := s.in(s.source)
		for body := range safe {
			if !slices.Contains(sent, body) || !slices.Contains(meant, body) {
				rt.Errorf("%s was sent, and the source queue has %q", body, sent)
			}
		}
	})
}
