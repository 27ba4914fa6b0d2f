package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"
)

func TestADryRunSaysWhatItWouldDo(t *testing.T) {
	s := newStage(t)
	bodies := append(s.users("Throttled", 12), s.users("NotFound", 3)...)
	s.program.args = nil
	code, out, err := s.run("redrive", "-code", "Throttled", "-user", "throttled-000", "-user", "throttled-001", "-user", "it's", "-rate", "1")
	if code != exitDone || err != "" {
		t.Errorf("exit code %d and %q, want %d and nothing", code, err, exitDone)
	}
	s.contains(out,
		"│ Throttled │ corp    │       2 │",
		"Dry run: nothing was sent. To send 2 letters to "+s.source+", which takes about 2s:\n\n",
		"deadletters redrive -queue-url "+s.deadLetters+` -code Throttled -user throttled-000 -user throttled-001 -user 'it'\''s' -rate 1 -yes`+"\n")
	if n := s.called("SendMessageBatch", "DeleteMessageBatch"); n > 0 {
		t.Errorf("it has made %d calls that send or delete", n)
	}
	s.expect(bodies, nil)
}

func TestRedriveSendsTheSelectedBodiesAndDeletesTheirLetters(t *testing.T) {
	t.Parallel()
	for _, yes := range []string{"-yes", "--yes", "-yes=true"} {
		s := newStage(t)
		s.moved(`{"accountId": "corp", "userIds": ["ada", "alan"]}`)
		want := append(s.users("Throttled", 23), `{"accountId": "corp", "userIds": ["ada", "alan"]}`)
		stay := s.users("NotFound", 31)
		code, out, err := s.run("redrive", "-code", "Throttled,@none", yes, "-rate", "1000")
		if code != exitDone {
			t.Errorf("exit code %d and %q, want %d", code, err, exitDone)
		}
		s.contains(out, "│ Throttled │ corp    │      23 │", "24 letters redriven to "+s.source)
		s.expect(stay, want)
	}
}

// TestCodesThatARedriveCannotMendAreTold wants every code of docs/reference.md to be spoken of, except for those that wait.
func TestCodesThatARedriveCannotMendAreTold(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"Throttled": "", "Throttling": "", "ThrottledClient": "", "ServiceUnavailable": "", "ServiceFailure": "", "Conflict": "", "RequestFailed": "", "Unattributed": "",
		"InvalidRequest": "correct and resend", "AccountNotAllowed": "ALLOWED_ACCOUNT_IDS", "ProtectedUser": "PROTECTED_USER_IDS", "DryRun": "DRY_RUN",
		"NotFound": "Team user", "DeadlineExceeded": "more time", "Forbidden": "role", "UnauthorizedClient": "role", "AccessDenied": "role", "ExpiredToken": "role",
		"BadRequest": "docs/reference.md", "Unprocessable": "docs/reference.md", "PhoneNumberAssociationsExist": "docs/reference.md", "CodeOfTomorrow": "docs/reference.md",
		none: "no reason is known here",
	} {
		s := newStage(t)
		if code == none {
			s.moved("hello")
		} else {
			s.users(code, 1)
		}
		exit, _, err := s.run("redrive", "-all")
		switch {
		case exit != exitDone:
			t.Errorf("%s: exit code %d, want %d", code, exit, exitDone)
		case want == "" && err != "":
			t.Errorf("%s: it says %q, want nothing", code, err)
		case want != "" && (!strings.HasPrefix(err, code+": ") || !strings.Contains(err, want)):
			t.Errorf("%s: it says %q, want %q", code, err, want)
		}
	}
}

func TestEachCodeIsSpokenOfOnce(t *testing.T) {
	s := newStage(t)
	for _, account := range []string{"a", "b", "c", "d"} {
		for _, code := range []string{"NotFound", "DryRun", "Throttled"} {
			s.letter(code, `{"accountId":"`+account+`","userId":"ada"}`, failedAt)
		}
	}
	_, _, err := s.run("redrive", "-all")
	want := "DryRun: they come straight back unless DRY_RUN is false by now.\n" +
		"NotFound: they come back unless the ID exists by now. A Team user who was suspended before is not found either.\n"
	if diff := cmp.Diff(want, err); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestARedriveReceivesNoMoreThanItNeeds(t *testing.T) {
	s := newStage(t)
	s.users("Throttled", 10)
	code, _, err := s.run("redrive", "-all", "-yes")
	// The survey ends with a receive that brings nothing, the redrive with its last letter.
	if n := s.called("ReceiveMessage"); code != exitDone || n != 3 {
		t.Errorf("exit code %d after %d receives, want %d after 3: %s", code, n, exitDone, err)
	}
}

func TestLettersOfAnotherQueueAreTold(t *testing.T) {
	s := newStage(t)
	bodies := s.users("Throttled", 2)
	s.send(s.deadLetters, "of nobody")
	other := strings.Replace(s.source, "requests", "others", 1)
	s.create("others", nil)
	code, _, err := s.run("redrive", "-all", "-yes", "-source-queue-url", other)
	s.contains(err, "2 letters came from another queue than "+other+": make sure")
	if code != exitDone {
		t.Errorf("exit code %d, want %d", code, exitDone)
	}
	if got := s.in(other); !slices.Equal(got, append([]string{"of nobody"}, bodies...)) {
		t.Errorf("the queue has %q", got)
	}
}

func TestTheSourceQueueHasToBeRight(t *testing.T) {
	sources := func(urls ...string) func(*call) {
		return func(c *call) {
			if c.action == "ListDeadLetterSourceQueues" {
				c.give(`{"queueUrls": [` + strings.Join(urls, ", ") + `]}`)
				return
			}
			c.do()
		}
	}
	for name, test := range map[string]struct {
		args      []string // SOURCE, DEAD stand for the queues
		intercept func(*call)
		want      string
	}{
		"none is known":               {nil, sources(), "0 queues have this dead-letter queue ()"},
		"two are known":               {nil, sources(`"http://a/1/x"`, `"http://a/1/y"`), "2 queues have this dead-letter queue (http://a/1/x, http://a/1/y): give the one to send to with -source-queue-url"},
		"it cannot be known":          {nil, func(c *call) { c.do() }, "give the source queue with -source-queue-url"},
		"it is the dead-letter queue": {[]string{"-source-queue-url", "DEAD"}, nil, "is the dead-letter queue itself"},
		"it is elsewhere":             {[]string{"-source-queue-url", "http://127.0.0.1:1/1/x"}, nil, "they have to be in one region"},
		"it does not exist":           {[]string{"-source-queue-url", "SOURCEs"}, nil, "NonExistentQueue"},
		"it is a FIFO queue": {nil, func(c *call) {
			c.do()
			if strings.HasSuffix(c.in.QueueURL, "/requests") {
				c.give(`{"Attributes": {"QueueArn": "arn:aws:sqs:us-east-1:123456789012:requests.fifo"}}`)
			}
		}, "is a FIFO queue"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			bodies := s.users("Throttled", 1)
			if test.intercept != nil {
				s.intercept = test.intercept
			}
			s.unlisted = name == "it cannot be known"
			args := []string{"-all", "-yes"}
			for _, arg := range test.args {
				args = append(args, strings.NewReplacer("SOURCE", s.source, "DEAD", s.deadLetters).Replace(arg))
			}
			code, out, err := s.run("redrive", args...)
			if code != exitFailed || !strings.Contains(err, test.want) || out != "" {
				t.Errorf("exit code %d, %q and %q; want %d and %q", code, out, err, exitFailed, test.want)
			}
			if n := s.called("ReceiveMessage"); n > 0 {
				t.Errorf("letters were received %d times", n)
			}
			s.expect(bodies, nil)
		})
	}
}

// TestFailuresOfARedrive lets one thing fail. Nobody may be in neither queue.
func TestFailuresOfARedrive(t *testing.T) {
	t.Parallel()
	const n = 12
	even := func(i int) bool { return i%2 == 0 }
	for name, test := range map[string]struct {
		action    string
		intercept func(*call)
		code      int
		told      []string
		left      int // letters in the dead-letter queue in the end
		sent      int // and messages in the source queue
	}{
		"entries that are refused": {
			"SendMessageBatch", func(c *call) {
				c.only(even)
				c.give(strings.Replace(c.answer.Body.String(), `{"Successful"`, `{"Failed": [{"Id": "1", "Code": "InternalError", "Message": "made up", "SenderFault": false}], "Successful"`, 1))
			},
			exitPart,
			[]string{": api error InternalError: made up\n", ": the queue's answer has no result for it\n", "6 of 12 letters redriven: not all letters were redriven"},
			6, 6,
		},
		"entries that the answer does not speak of": {
			"SendMessageBatch", func(c *call) { c.only(even) }, exitPart, []string{": the queue's answer has no result for it\n", "6 of 12 letters redriven"},
			6, 6,
		},
		"an empty answer": {
			"SendMessageBatch", func(c *call) { c.give("{}") }, exitFailed, []string{"0 of 12 letters redriven"}, 12, 0,
		},
		"an entry that is not in the batch": {
			"SendMessageBatch", func(c *call) {
				c.give(`{"Successful": [{"Id": "10"}, {"Id": "-1"}, {"Id": "x"}, {}], "Failed": [{"Id": "99", "Code": "x", "SenderFault": true}]}`)
			}, exitFailed, []string{"0 of 12 letters redriven"}, 12, 0,
		},
		"an entry in both lists": {
			"SendMessageBatch", func(c *call) {
				c.do()
				c.give(strings.Replace(c.answer.Body.String(), `{"Successful"`, `{"Failed": [{"Id": "0", "Code": "x", "SenderFault": true}], "Successful"`, 1))
			}, exitPart, []string{": api error x: \n", "10 of 12 letters redriven"}, 2, 12,
		},
		"a body that arrives changed": {
			"SendMessageBatch", func(c *call) {
				c.do()
				c.give(strings.NewReplacer(`"Successful":[`, `"Successful":[{"Id":"99"},`, `"MD5OfMessageBody":"`, `"MD5OfMessageBody":"0`).Replace(c.answer.Body.String()))
			}, exitFailed, []string{": the queue has taken a body with another MD5\n"}, 12, 12,
		},
		"nothing: an MD5 is not always there": {
			"SendMessageBatch", func(c *call) {
				c.do()
				c.give(strings.ReplaceAll(c.answer.Body.String(), `"MD5OfMessageBody"`, `"Another"`))
			}, exitDone, nil, 0, 12,
		},
		"sends that are refused as a whole": {
			"SendMessageBatch", func(c *call) { c.fail(403, "AccessDenied") }, exitFailed,
			[]string{"0 of 12 letters redriven: sending letters: ", "AccessDenied"}, 12, 0,
		},
		"sends that fail": {
			"SendMessageBatch", func(c *call) { c.fail(500, "InternalFailure") }, exitPart,
			[]string{"10 letters may have been redriven although there was no answer, and still be here, too.\n", "0 of 12 letters redriven: sending letters: "}, 12, 0,
		},
		"the answers to sends": {
			"SendMessageBatch", func(c *call) { c.do(); c.answer = nil }, exitPart,
			[]string{"10 letters may have been redriven although there was no answer"}, 12, 10,
		},
		"sends that cannot be understood": {
			"SendMessageBatch", func(c *call) { c.do(); c.give("<html>") }, exitPart,
			[]string{"10 letters may have been redriven although there was no answer"}, 12, 10,
		},
		"deletions that are refused": {
			"DeleteMessageBatch", func(c *call) { c.fail(403, "AccessDenied") }, exitPart,
			[]string{"10 letters sent but not deleted, and so in both queues. To delete:\n\ndeadletters discard -queue-url ", "0 of 12 letters redriven: deleting letters: "}, 12, 10,
		},
		"the answers to deletions": {
			"DeleteMessageBatch", func(c *call) { c.do(); c.answer = nil }, exitPart,
			[]string{"10 letters sent but not deleted, and so in both queues."}, 2, 10,
		},
		"deletions of entries": {
			"DeleteMessageBatch", func(c *call) { c.only(func(i int) bool { return i > 0 }) }, exitPart,
			[]string{": deleting it: the queue's answer has no result for it\n", "2 letters sent but not deleted", "10 of 12 letters redriven"}, 2, 12,
		},
		"deletions of entries, once": {
			"DeleteMessageBatch", func(c *call) {
				if c.count("DeleteMessageBatch") == 1 {
					c.only(even)
					return
				}
				c.do()
			}, exitDone, []string{""}, 0, 12,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			bodies := s.users("Throttled", n)
			s.intercept = func(c *call) {
				if c.action == test.action {
					test.intercept(c)
					return
				}
				c.do()
			}
			code, _, err := s.run("redrive", "-all", "-yes", "-rate", "1000")
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			s.contains(err, test.told...)
			left, sent := s.in(s.deadLetters), s.in(s.source)
			if len(left) != test.left || len(sent) != test.sent {
				t.Errorf("%d letters are left and %d messages sent, want %d and %d", len(left), len(sent), test.left, test.sent)
			}
			either := slices.Compact(slices.Sorted(slices.Values(append(left, sent...))))
			if !slices.Equal(either, bodies) {
				t.Errorf("in either queue are %q, want all of the %d letters", either, len(bodies))
			}
		})
	}
}

func TestDoubledLettersCanBeDiscardedAsItIsTold(t *testing.T) {
	s := newStage(t)
	bodies := s.users("Throttled", 3)
	s.intercept = func(c *call) {
		if c.action == "DeleteMessageBatch" {
			c.fail(403, "AccessDenied")
			return
		}
		c.do()
	}
	_, _, err := s.run("redrive", "-all", "-yes", "-rate", "1000")
	s.contains(err, "To delete:\n\ndeadletters discard ")
	_, command, _ := strings.Cut(err, "To delete:\n\n")
	command, _, _ = strings.Cut(command, "\n")
	s.intercept = func(c *call) { c.do() }
	t.Chdir(t.TempDir())
	code, _, err := s.runRaw(append(strings.Fields(command)[1:], "-yes")...)
	if code != exitDone {
		t.Errorf("%s has exit code %d and says %s", command, code, err)
	}
	s.expect(nil, bodies)
}

// TestALetterThatWasSentIsDeletedWhenItComesAgain has the first deletion fail twice, and its letters be visible again at once.
// Another reader has one of the letters, and so there is a reason to go on receiving.
func TestALetterThatWasSentIsDeletedWhenItComesAgain(t *testing.T) {
	s := newStage(t)
	s.users("Throttled", 25)
	s.intercept = func(c *call) {
		if c.action != "DeleteMessageBatch" || c.count("DeleteMessageBatch") > 2 {
			c.do()
			if c.action == "ChangeMessageVisibilityBatch" && c.count("ChangeMessageVisibilityBatch") == 1 {
				s.takeAway(1)
			}
			return
		}
		if c.count("DeleteMessageBatch") == 2 {
			for _, e := range c.in.Entries {
				s.show(s.deadLetters, &e.ReceiptHandle)
			}
		}
		c.give("{}")
	}
	code, _, err := s.run("redrive", "-all", "-yes", "-rate", "1000")
	want := "1 letter not received again, or held for too long: somebody else has them, or this machine slept. Look again.\ndeadletters: 24 of 25 letters redriven: not all letters were redriven\n"
	if diff := cmp.Diff(want, err); diff != "" || code != exitPart {
		t.Errorf("exit code %d, (-want +got):\n%s", code, diff)
	}
	if left, sent := s.in(s.deadLetters), s.in(s.source); len(left) != 0 || len(sent) != 24 || len(slices.Compact(sent)) != 24 {
		t.Errorf("%d letters are left and %d messages sent, want none and 24, each once", len(left), len(sent))
	}
}

func TestLettersThatComeBackAreNotSentAgain(t *testing.T) {
	s := newStage(t)
	bodies := s.users("InvalidRequest", 25)
	s.intercept = func(c *call) {
		c.do()
		if c.action == "SendMessageBatch" {
			for _, e := range c.in.Entries {
				s.letter("InvalidRequest", e.MessageBody, failedAt)
			}
		}
	}
	code, out, err := s.run("redrive", "-all", "-yes", "-rate", "1000")
	if code != exitDone {
		t.Errorf("exit code %d and %s", code, err)
	}
	s.contains(out, "25 letters redriven")
	s.expect(bodies, bodies)
}

func TestLettersThatOthersTookAreTold(t *testing.T) {
	s := newStage(t)
	s.users("Throttled", 25)
	s.intercept = func(c *call) {
		c.do()
		if c.action == "ChangeMessageVisibilityBatch" && c.count("ChangeMessageVisibilityBatch") == 3 { // The survey is over.
			s.takeAway(10)
		}
	}
	code, _, err := s.run("redrive", "-all", "-yes", "-rate", "1000")
	s.contains(err, "10 letters not received again, or held for too long: somebody else has them, or this machine slept. Look again.\n", "15 of 25 letters redriven")
	if left, sent := s.in(s.deadLetters), s.in(s.source); code != exitPart || len(left) != 0 || len(sent) != 15 {
		t.Errorf("exit code %d with %d letters left and %d sent, want %d with none and 15", code, len(left), len(sent), exitPart)
	}
}

// TestARedriveEndsWhileLettersArrive has a letter arrive at each receive, and another reader have some of those that are meant.
func TestARedriveEndsWhileLettersArrive(t *testing.T) {
	s := newStage(t)
	s.users("Throttled", 25)
	taken := 0
	s.intercept = func(c *call) {
		c.do()
		switch {
		case c.action == "ReceiveMessage":
			s.send(s.deadLetters, "another")
		case c.action == "ChangeMessageVisibilityBatch" && c.count("ChangeMessageVisibilityBatch") == 1:
			taken = s.takeAway(10)
		}
	}
	code, _, err := s.run("redrive", "-code", "Throttled", "-yes", "-rate", "1000")
	s.contains(err, " not received again, or held for too long", fmt.Sprintf("%d of 25 letters redriven", 25-taken))
	if sent := s.in(s.source); code != exitPart || taken == 0 || len(sent) != 25-taken {
		t.Errorf("exit code %d with %d taken away and %d sent, want %d", code, taken, len(sent), exitPart)
	}
}

// TestARedriveGoesOnWhileItsLettersCome has eight letters arrive before those that are meant are visible again, and gives
// three at a time. So there are as many as were counted before all that are meant have come.
func TestARedriveGoesOnWhileItsLettersCome(t *testing.T) {
	s := newStage(t)
	bodies := s.users("Throttled", 10)
	var others []string
	s.intercept = func(c *call) {
		if c.action == "ChangeMessageVisibilityBatch" && others == nil {
			for i := range 8 {
				others = append(others, fmt.Sprint("another ", i))
				s.send(s.deadLetters, others[i])
			}
		}
		if c.action == "ReceiveMessage" && others != nil {
			c.body = []byte(strings.Replace(string(c.body), `"MaxNumberOfMessages":10`, `"MaxNumberOfMessages":3`, 1))
		}
		c.do()
	}
	code, _, err := s.run("redrive", "-all", "-yes")
	if code != exitDone {
		t.Errorf("exit code %d and %s, want %d", code, err, exitDone)
	}
	s.expect(others, bodies)
}

// TestALetterThatComesAgainWhileItWaits has letters be visible again at once, and another reader have one, for which the
// others wait.
func TestALetterThatComesAgainWhileItWaits(t *testing.T) {
	s := newStage(t)
	s.users("Throttled", 4)
	shown := 0
	s.intercept = func(c *call) {
		c.do()
		switch c.action {
		case "ChangeMessageVisibilityBatch":
			if shown++; shown == 1 {
				s.takeAway(1)
			}
		case "ReceiveMessage":
			if shown == 1 {
				shown++
				c.release()
			}
		}
	}
	code, _, err := s.run("redrive", "-all", "-yes")
	s.contains(err, "3 of 4 letters redriven")
	if left, sent := s.in(s.deadLetters), s.in(s.source); code != exitPart || len(left) != 0 || len(sent) != 3 || len(slices.Compact(sent)) != 3 {
		t.Errorf("exit code %d with %d letters left and %q sent, want %d with none and 3, each once", code, len(left), sent, exitPart)
	}
	if n := s.inFlight(); n != "1" {
		t.Errorf("%s letters are in flight, want the one that another reader has", n)
	}
}

// TestALetterThatWasHeldForTooLongIsNotSent lets the machine sleep for ten minutes between receiving and sending.
func TestALetterThatWasHeldForTooLongIsNotSent(t *testing.T) {
	s := newStage(t)
	s.users("Throttled", 2)
	wall := now
	s.program.now = func() time.Time {
		s.mu.Lock()
		defer s.mu.Unlock()
		return wall
	}
	shown, held := 0, 0
	s.intercept = func(c *call) {
		c.do()
		switch c.action {
		case "ChangeMessageVisibilityBatch":
			if shown++; shown == 1 { // The survey is over. The batch will wait for the letter that is not there.
				s.takeAway(1)
			}
		case "ReceiveMessage":
			if shown > 0 && strings.Contains(c.answer.Body.String(), `"Messages"`) {
				held++
			} else if held > 0 {
				wall = now.Add(10 * time.Minute)
			}
		}
	}
	code, _, err := s.run("redrive", "-all", "-yes", "-rate", "1000")
	s.contains(err, "2 letters not received again", "0 of 2 letters redriven")
	if code != exitFailed || s.called("SendMessageBatch") > 0 {
		t.Errorf("exit code %d after %d sends, want %d and none", code, s.called("SendMessageBatch"), exitFailed)
	}
	if left := s.in(s.deadLetters); len(left) != 1 {
		t.Errorf("%d letters are left, want the one that nobody else has", len(left))
	}
}

func TestBatchesOfARedrive(t *testing.T) {
	t.Parallel()
	const half = maxBytes / 2
	for name, test := range map[string]struct {
		sizes []int
		want  []int // letters of each send
	}{
		"one":                   {[]int{10}, []int{1}},
		"ten":                   {slices.Repeat([]int{10}, 10), []int{10}},
		"eleven":                {slices.Repeat([]int{10}, 11), []int{10, 1}},
		"two of 1 MiB together": {[]int{half, half}, []int{2}},
		"two of a byte more":    {[]int{half, half + 1}, []int{1, 1}},
		"three of 0.4 MiB":      {[]int{400_000, 400_000, 400_000}, []int{2, 1}},
		"two of 1 MiB each":     {[]int{maxBytes, maxBytes}, []int{1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			var bodies []string
			for i, size := range test.sizes {
				bodies = append(bodies, strings.Repeat(string(rune('a'+i)), size))
				s.send(s.deadLetters, bodies[i])
			}
			var got []int
			s.intercept = func(c *call) {
				c.do()
				if c.action == "SendMessageBatch" {
					got = append(got, len(c.in.Entries))
				}
			}
			if code, _, err := s.run("redrive", "-all", "-yes", "-rate", "1000"); code != exitDone {
				t.Errorf("exit code %d and %s", code, err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("batches (-want +got):\n%s", diff)
			}
			s.expect(nil, bodies)
		})
	}
}

func TestALetterThatTheSourceQueueCannotTakeStays(t *testing.T) {
	s := newStage(t)
	small := s.users("Throttled", 3)
	large := strings.Repeat("x", 2001)
	s.send(s.deadLetters, large)
	_, err := s.direct.SetQueueAttributes(s.ctx, &sqs.SetQueueAttributesInput{QueueUrl: &s.source, Attributes: map[string]string{"MaximumMessageSize": "2000"}})
	must(t, err)
	id := s.ids()[large]
	if code, _, told := s.run("redrive", "-id", id, "-yes"); code != exitFailed || !strings.Contains(told, "0 of 1 letter redriven") {
		t.Errorf("by itself: exit code %d and %s", code, told)
	}
	code, _, told := s.run("redrive", "-all", "-yes", "-rate", "1000")
	s.contains(told, id+": its body of 2001 bytes is more than the 2000 that the source queue takes: raise its MaximumMessageSize\n", "3 of 4 letters redriven")
	if code != exitPart {
		t.Errorf("exit code %d, want %d", code, exitPart)
	}
	s.expect([]string{large}, small)
}

func TestASourceQueueThatDoesNotTellWhatItTakes(t *testing.T) {
	s := newStage(t)
	bodies := s.users("Throttled", 3)
	s.intercept = func(c *call) {
		c.do()
		if c.action == "GetQueueAttributes" && c.in.QueueURL == s.source {
			c.give(`{"Attributes": {"QueueArn": "arn:aws:sqs:us-east-1:123456789012:requests"}}`)
		}
	}
	if code, _, err := s.run("redrive", "-all", "-yes"); code != exitDone {
		t.Errorf("exit code %d and %s", code, err)
	}
	s.expect(nil, bodies)
}

func TestTheRateHoldsAndIsShown(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.users("Throttled", 21)
	s.program.draws = true
	begin := time.Now()
	code, _, err := s.run("redrive", "-all", "-yes", "-rate", "20")
	// Ten go at once, and each of the other eleven waits 50 ms. The bar is drawn every 250 ms.
	if took := time.Since(begin); took < 550*time.Millisecond || code != exitDone {
		t.Errorf("21 letters took %v with exit code %d and %s; want at least 550 ms and %d", took, code, err, exitDone)
	}
	s.contains(err, "[10 in ", "letters redriven")
}

func TestAnInterruptedRedrive(t *testing.T) {
	for name, test := range map[string]struct {
		action   string
		after    bool // whether the call is answered first
		wantCode int
		want     string
		sent     int
	}{
		"before a send":    {"SendMessageBatch", false, exitPart, "10 of 25 letters redriven: interrupted", 10},
		"after a send":     {"SendMessageBatch", true, exitPart, "10 of 25 letters redriven: interrupted", 10},
		"after a deletion": {"DeleteMessageBatch", true, exitPart, "10 of 25 letters redriven: interrupted", 10},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.users("Throttled", 25)
			ctx, interrupt := context.WithCancel(s.ctx)
			s.intercept = func(c *call) {
				if c.action == test.action && !test.after {
					interrupt()
				}
				c.do()
				if c.action == test.action {
					interrupt()
				}
			}
			s.ctx = ctx
			code, _, err := s.run("redrive", "-all", "-yes", "-rate", "1000")
			s.ctx = t.Context()
			s.contains(err, test.want)
			left, sent := s.in(s.deadLetters), s.in(s.source)
			if code != test.wantCode || len(sent) != test.sent || len(left)+len(sent) != 25 {
				t.Errorf("exit code %d with %d sent and %d left, want %d with %d sent", code, len(sent), len(left), test.wantCode, test.sent)
			}
		})
	}
}

func TestAnInterruptionDuringTheWaitForTheRate(t *testing.T) {
	s := newStage(t)
	s.users("Throttled", 20)
	ctx, interrupt := context.WithCancel(s.ctx)
	s.intercept = func(c *call) {
		c.do()
		if c.action == "DeleteMessageBatch" {
			time.AfterFunc(50*time.Millisecond, interrupt) // The next ten letters wait ten seconds.
		}
	}
	s.ctx = ctx
	code, _, err := s.run("redrive", "-all", "-yes", "-rate", "1")
	s.ctx = t.Context()
	s.contains(err, "10 of 20 letters redriven: interrupted")
	if left, sent := s.in(s.deadLetters), s.in(s.source); code != exitPart || len(left) != 10 || len(sent) != 10 {
		t.Errorf("exit code %d with %d letters left and %d sent, want %d with 10 and 10", code, len(left), len(sent), exitPart)
	}
}
