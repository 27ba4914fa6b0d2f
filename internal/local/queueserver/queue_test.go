package queueserver

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func TestMessagesInFlightAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(testConfig)
		queueURL := c.create(t, "q")
		c.send(t, queueURL, "last", "one too many")
		if err := c.server.with(*queueURL, func(q *queue) error {
			q.inFlight = maxInFlight - 1 // As if as many others were.
			return nil
		}); err != nil {
			t.Fatal(err)
		}

		last := c.receive(t, queueURL)
		wantEqual(t, bodies(last), []string{"last"})
		_, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queueURL})
		wantCode(t, err, "OverLimit")

		began := time.Now() // Long polling has no error, it waits.
		wantEqual(t, len(c.receive(t, queueURL, waiting)), 0)
		wantEqual(t, time.Since(began), 20*time.Second)
		defer inASecond(func() { c.remove(t, queueURL, last[0].ReceiptHandle) })()
		wantEqual(t, bodies(c.receive(t, queueURL, waiting)), []string{"one too many"})
		wantEqual(t, time.Since(began), 21*time.Second)
	})
}

func TestMessagesAreGoneAfterTheirRetentionPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(testConfig)
		queueURL := c.create(t, "q", "MessageRetentionPeriod", "60", "VisibilityTimeout", "3600")
		c.send(t, queueURL, "received")
		c.receive(t, queueURL)
		time.Sleep(30 * time.Second)
		c.send(t, queueURL, "visible")
		c.sendDelayed(t, queueURL, 100)

		time.Sleep(30*time.Second - time.Nanosecond)
		wantEqual(t, c.counts(t, queueURL), [3]string{"1", "1", "1"})
		time.Sleep(time.Nanosecond)
		wantEqual(t, c.counts(t, queueURL), [3]string{"1", "0", "1"})
		time.Sleep(30 * time.Second)
		wantEqual(t, c.counts(t, queueURL), [3]string{"0", "0", "0"})
	})
}

func TestAShorterRetentionPeriodHoldsForOldMessagesToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(testConfig)
		queueURL := c.create(t, "q")
		c.send(t, queueURL, "old")
		time.Sleep(time.Hour)
		c.send(t, queueURL, "new")
		if _, err := c.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{
			QueueUrl: queueURL, Attributes: map[string]string{"MessageRetentionPeriod": "3600"},
		}); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, bodies(c.receive(t, queueURL)), []string{"new"})
	})
}

// TestNoMessageIsLostOrDoubled does a great deal at random and counts.
func TestNoMessageIsLostOrDoubled(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) // The same numbers each time.
	q, deadLetters := newQueue(1, "q", "arn:q", 0), newQueue(2, "d", "arn:d", 0)
	q.redrive = redrivePolicy{target: deadLetters.arn, maxReceiveCount: 3}
	var receipts []receipt
	sent, deleted := 0, 0
	for now := time.Duration(0); now < 3*time.Hour; now += seconds(random.IntN(20)) {
		q.advance(now)
		deadLetters.advance(now)
		switch random.IntN(4) {
		case 0:
			q.put(&message{content: &content{}, sentAt: now, visibleAt: now + seconds(random.IntN(2)*random.IntN(maxDelay))})
			sent++
		case 1:
			for _, m := range q.take(1+random.IntN(10), seconds(random.IntN(100)), deadLetters) {
				receipts = append(receipts, m.receipt())
			}
		case 2:
			if len(receipts) > 0 {
				if m := q.held(receipts[random.IntN(len(receipts))]); m != nil {
					q.remove(m)
					deleted++
				}
			}
		case 3:
			if len(receipts) > 0 {
				if m := q.held(receipts[random.IntN(len(receipts))]); m != nil && m.inFlight {
					q.reschedule(m, now+seconds(random.IntN(100)))
				}
			}
		}

		inFlight := 0
		for _, m := range q.hidden.messages {
			if m.inFlight {
				inFlight++
			}
		}
		wantEqual(t, q.inFlight, inFlight)
		wantEqual(t, q.visible.Len()+q.hidden.Len(), len(q.numbers))
		wantEqual(t, q.ages.Len(), len(q.numbers))
		wantEqual(t, len(q.numbers)+len(deadLetters.numbers)+deleted, sent)
		if t.Failed() {
			t.Fatal("after", now)
		}
	}
	if deleted == 0 || len(deadLetters.numbers) == 0 {
		t.Errorf("of %d messages %d were deleted and %d became dead letters: the test did too little", sent, deleted, len(deadLetters.numbers))
	}
}
