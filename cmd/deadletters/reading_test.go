package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"
)

func TestWhatWasLookedAtIsVisibleAtOnce(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]int{"one": 1, "ten": 10, "eleven": 11, "many": 123} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			bodies := s.users("NotFound", n)
			for _, command := range []string{"list", "show", "redrive -all"} {
				args := strings.Fields(command)
				if code, _, err := s.run(args[0], args[1:]...); code != exitDone {
					t.Errorf("%s has exit code %d and says %s", command, code, err)
				}
			}
			if n := s.called("SendMessageBatch", "DeleteMessageBatch"); n > 0 {
				t.Errorf("looking has made %d calls that change the queues", n)
			}
			s.expect(bodies, nil)
		})
	}
}

func TestWhatWasLookedAtIsVisibleAlsoAfter(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		intercept func(*call, context.CancelFunc)
		maxHeld   int
		wantCode  int
		want      string
	}{
		"a receive that fails": {
			intercept: func(c *call, _ context.CancelFunc) {
				if c.count("ReceiveMessage") == 3 {
					c.fail(500, "InternalFailure")
					return
				}
				c.do()
			},
			wantCode: exitFailed, want: "receiving letters: ",
		},
		"an interruption": {
			intercept: func(c *call, interrupt context.CancelFunc) {
				c.do()
				if c.count("ReceiveMessage") == 3 {
					interrupt()
				}
			},
			wantCode: exitFailed, want: "interrupted",
		},
		"the limit of SQS": {
			intercept: func(c *call, _ context.CancelFunc) {
				if c.count("ReceiveMessage") > 3 {
					c.fail(403, "OverLimit")
					return
				}
				c.do()
			},
			wantCode: exitPart, want: "the queue has more letters than can be in flight at once",
		},
		"the limit of the program": {
			intercept: func(c *call, _ context.CancelFunc) { c.do() },
			maxHeld:   20,
			wantCode:  exitPart, want: "the queue has more letters than can be in flight at once",
		},
	} {
		for _, command := range []string{"list", "show", "redrive -all"} {
			t.Run(name+", "+command, func(t *testing.T) {
				s := newStage(t)
				bodies := s.users("NotFound", 200)
				ctx, interrupt := context.WithCancel(s.ctx)
				s.intercept = func(c *call) {
					if c.action != "ReceiveMessage" {
						c.do()
						return
					}
					test.intercept(c, interrupt)
				}
				if test.maxHeld > 0 {
					s.program.pace.maxHeld = test.maxHeld
				}
				s.ctx = ctx
				args := strings.Fields(command)
				code, _, err := s.run(args[0], args[1:]...)
				if code != test.wantCode || !strings.Contains(err, test.want) {
					t.Errorf("exit code %d and %q; want %d and %q", code, err, test.wantCode, test.want)
				}
				s.ctx = t.Context()
				if n := s.called("ReceiveMessage"); test.maxHeld > 0 && n != test.maxHeld/maxEntries {
					t.Errorf("there were %d receives, want no more than it takes to hold %d letters", n, test.maxHeld)
				}
				s.expect(bodies, nil)
			})
		}
	}
}

// count returns how often the program has called the action, this call included.
func (c *call) count(action string) (n int) {
	for _, called := range c.calls {
		if called == action {
			n++
		}
	}
	return n
}

func TestLettersThatCannotBeMadeVisibleAreTold(t *testing.T) {
	for name, test := range map[string]struct {
		intercept func(*call)
		want      string
	}{
		"none":         {func(c *call) { c.do() }, ""},
		"some":         {func(c *call) { c.only(func(i int) bool { return i%2 == 0 }) }, "12 letters could not be made visible again, which comes by itself within 15m0s: the queue's answer has no result for it\n"},
		"all":          {func(c *call) { c.fail(403, "AccessDenied") }, "25 letters could not be made visible again"},
		"visible ones": {func(c *call) { c.do(); c.do() }, ""}, // The second answer says that they are not in flight.
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.users("NotFound", 25)
			s.intercept = func(c *call) {
				if c.action == "ChangeMessageVisibilityBatch" {
					test.intercept(c)
					return
				}
				c.do()
			}
			code, out, err := s.run("list")
			if code != exitDone || !strings.HasPrefix(err, test.want) || test.want == "" && err != "" {
				t.Errorf("exit code %d and %q; want %d and %q", code, err, exitDone, test.want)
			}
			s.contains(out, "│ All      │         │      25 │")
			if n := s.called("ChangeMessageVisibilityBatch"); name == "all" && n != 1 {
				t.Errorf("after a call that failed there were %d more", n-1)
			}
		})
	}
}

// TestALetterThatComesTwiceCountsOnce gives the letters of the first receive once more, before those of the second, as a
// server of SQS's may that has missed the first.
func TestALetterThatComesTwiceCountsOnce(t *testing.T) {
	s := newStage(t)
	bodies := s.users("NotFound", 25)
	first := ""
	s.intercept = func(c *call) {
		c.do()
		if c.action != "ReceiveMessage" {
			return
		}
		messages := strings.TrimSuffix(strings.TrimPrefix(c.answer.Body.String(), `{"Messages":[`), "]}")
		switch c.count("ReceiveMessage") {
		case 1:
			first = messages
		case 2:
			c.give(`{"Messages":[` + first + "," + messages + "]}")
		}
	}
	if lines := s.shown(); len(lines) != 25 {
		t.Errorf("show prints %d letters, want 25", len(lines))
	}
	s.expect(bodies, nil)
}

// TestReadingEndsWhileLettersArrive has a letter arrive at each receive.
func TestReadingEndsWhileLettersArrive(t *testing.T) {
	s := newStage(t)
	s.users("NotFound", 25)
	arrived := 0
	s.intercept = func(c *call) {
		c.do()
		if c.action == "ReceiveMessage" {
			arrived++
			s.send(s.deadLetters, fmt.Sprintf("another %d", arrived))
		}
	}
	code, out, err := s.run("list")
	if code != exitDone {
		t.Errorf("exit code %d and %q, want %d", code, err, exitDone)
	}
	s.contains(out, "│ NotFound │ corp    │      25 │")
}

// TestReadingDoesNotTrustTheCount has the queue count too few letters, as it does for a while after they have arrived, or too
// many, as after a receive whose answer was lost.
func TestReadingDoesNotTrustTheCount(t *testing.T) {
	for count, want := range map[string]string{
		"0":  "",
		"25": "",
		"26": "The queue had counted about 26 letters, and 25 came. Look again in 15m0s if they have to be all.\n",
	} {
		s := newStage(t)
		s.users("NotFound", 25)
		s.intercept = func(c *call) {
			c.do()
			if c.action == "GetQueueAttributes" {
				c.give(strings.Replace(c.answer.Body.String(), `"ApproximateNumberOfMessages":"25"`, `"ApproximateNumberOfMessages":"`+count+`"`, 1))
			}
		}
		code, out, err := s.run("list")
		s.contains(out, "│ All      │         │      25 │")
		if code != exitDone || err != want {
			t.Errorf("with %s letters counted: exit code %d and %q, want %d and %q", count, code, err, exitDone, want)
		}
	}
}

func TestLettersInFlightElsewhereAreTold(t *testing.T) {
	s := newStage(t)
	s.users("NotFound", 15)
	_, err := s.direct.ReceiveMessage(s.ctx, &sqs.ReceiveMessageInput{QueueUrl: &s.deadLetters, MaxNumberOfMessages: 10})
	must(t, err)
	code, out, told := s.run("list")
	want := "About 10 letters in flight: somebody else reads the queue, or did until just now. They are not seen here.\n"
	if diff := cmp.Diff(want, told); diff != "" || code != exitDone {
		t.Errorf("exit code %d, (-want +got):\n%s", code, diff)
	}
	s.contains(out, "│ All      │         │       5 │")
}
