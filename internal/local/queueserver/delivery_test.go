package queueserver

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func TestParametersOfReceives(t *testing.T) {
	// The SDK leaves zeros out, so the lower limits are tested on the wire.
	tests := []struct {
		name  string
		in    sqs.ReceiveMessageInput
		code  string
		count int
	}{
		{"the default number", sqs.ReceiveMessageInput{}, "", 1},
		{"-1 messages", sqs.ReceiveMessageInput{MaxNumberOfMessages: -1}, "InvalidParameterValue", 0},
		{"1 message", sqs.ReceiveMessageInput{MaxNumberOfMessages: 1}, "", 1},
		{"10 messages", sqs.ReceiveMessageInput{MaxNumberOfMessages: 10}, "", 10},
		{"11 messages", sqs.ReceiveMessageInput{MaxNumberOfMessages: 11}, "InvalidParameterValue", 0},
		{"a visibility timeout of -1 s", sqs.ReceiveMessageInput{VisibilityTimeout: -1}, "InvalidParameterValue", 0},
		{"a visibility timeout of 43,200 s", sqs.ReceiveMessageInput{VisibilityTimeout: 43200}, "", 1},
		{"a visibility timeout of 43,201 s", sqs.ReceiveMessageInput{VisibilityTimeout: 43201}, "InvalidParameterValue", 0},
		{"a wait of -1 s", sqs.ReceiveMessageInput{WaitTimeSeconds: -1}, "InvalidParameterValue", 0},
		{"a wait of 20 s", sqs.ReceiveMessageInput{WaitTimeSeconds: 20}, "", 1},
		{"a wait of 21 s", sqs.ReceiveMessageInput{WaitTimeSeconds: 21}, "InvalidParameterValue", 0},
		{"an unknown system attribute", sqs.ReceiveMessageInput{MessageSystemAttributeNames: []types.MessageSystemAttributeName{"SentTimestam"}},
			"InvalidAttributeName", 0},
	}
	c := start(t)
	queueURL := c.create(t, "q")
	fill(t, c.server, queueURL, 20)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.in.QueueUrl = queueURL
			out, err := c.ReceiveMessage(t.Context(), &test.in)
			wantCode(t, err, test.code)
			if err == nil {
				wantEqual(t, len(out.Messages), test.count)
			}
		})
	}
}

func TestReceivesOfZeroMessagesAreRefused(t *testing.T) {
	zero := 0
	wantEqual(t, asRefusal((&receiveMessageInput{MaxNumberOfMessages: &zero}).check()).code, "InvalidParameterValue")
	wantEqual(t, (&receiveMessageInput{VisibilityTimeout: &zero, WaitTimeSeconds: &zero}).check(), nil)
}

func TestWhatIsAnsweredOfAMessage(t *testing.T) {
	tests := []struct {
		name  string
		names []string
		want  []string
	}{
		{"nothing", nil, nil},
		{"all", []string{"All"}, []string{"color", "col", "col.a", "col.b"}},
		{"all by a wildcard", []string{".*"}, []string{"color", "col", "col.a", "col.b"}},
		{"one", []string{"col.a"}, []string{"col.a"}},
		{"one that is not there", []string{"none"}, nil},
		{"by prefix", []string{"col.*"}, []string{"color", "col", "col.a", "col.b"}},
		{"by a longer prefix", []string{"colo.*"}, []string{"color"}},
		{"by prefix and name", []string{"colo.*", "col.b"}, []string{"color", "col.b"}},
		{"by a name of another case", []string{"Color"}, nil},
	}
	c := start(t)
	queueURL := c.create(t, "q", "VisibilityTimeout", "0")
	if _, err := c.SendMessage(t.Context(), &sqs.SendMessageInput{
		QueueUrl: queueURL, MessageBody: aws.String("x"),
		MessageAttributes: map[string]types.MessageAttributeValue{"color": text("x"), "col": text("x"), "col.a": text("x"), "col.b": text("x")},
	}); err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := c.receive(t, queueURL, func(in *sqs.ReceiveMessageInput) { in.MessageAttributeNames = test.names })[0]
			var got []string
			chosen := map[string]attribute{}
			for name, a := range m.MessageAttributes {
				got = append(got, name)
				chosen[name] = attribute{DataType: *a.DataType, StringValue: *a.StringValue}
			}
			slices.Sort(got)
			slices.Sort(test.want)
			wantEqual(t, got, test.want)
			wantEqual(t, aws.ToString(m.MD5OfMessageAttributes), attributesDigest(chosen))
		})
	}
}

func TestSystemAttributes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(testConfig)
		queueURL := c.create(t, "q", "VisibilityTimeout", "30")
		millis := func() string { return strconv.FormatInt(time.Now().UnixMilli(), 10) }
		sent := millis()
		c.send(t, queueURL, "x")
		time.Sleep(time.Second)
		firstReceived := millis()
		c.receive(t, queueURL)
		time.Sleep(time.Minute)

		wantEqual(t, c.receive(t, queueURL)[0].Attributes, map[string]string{
			"ApproximateFirstReceiveTimestamp": firstReceived,
			"ApproximateReceiveCount":          "2",
			"SenderId":                         "AKIDEXAMPLE",
			"SentTimestamp":                    sent,
		})
		time.Sleep(time.Minute)
		third := c.receive(t, queueURL, func(in *sqs.ReceiveMessageInput) {
			in.MessageSystemAttributeNames = nil
			in.AttributeNames = []types.QueueAttributeName{"ApproximateReceiveCount"} // Older clients ask by it.
		})[0]
		wantEqual(t, third.Attributes, map[string]string{"ApproximateReceiveCount": "3"})
		time.Sleep(time.Minute)
		fourth := c.receive(t, queueURL, func(in *sqs.ReceiveMessageInput) { in.MessageSystemAttributeNames = nil })[0]
		wantEqual(t, len(fourth.Attributes), 0)
	})
}

func TestMessagesBecomeVisibleInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(testConfig)
		queueURL := c.create(t, "q", "VisibilityTimeout", "30", "DelaySeconds", "5")
		c.send(t, queueURL, "delayed")
		wantEqual(t, c.counts(t, queueURL), [3]string{"0", "0", "1"})
		time.Sleep(5*time.Second - time.Nanosecond)
		wantEqual(t, len(c.receive(t, queueURL)), 0)
		time.Sleep(time.Nanosecond)
		wantEqual(t, c.counts(t, queueURL), [3]string{"1", "0", "0"})

		wantEqual(t, len(c.receive(t, queueURL)), 1)
		wantEqual(t, c.counts(t, queueURL), [3]string{"0", "1", "0"})
		time.Sleep(30*time.Second - time.Nanosecond)
		wantEqual(t, len(c.receive(t, queueURL)), 0)
		time.Sleep(time.Nanosecond)
		again := c.receive(t, queueURL, func(in *sqs.ReceiveMessageInput) { in.VisibilityTimeout = 7 })
		wantEqual(t, bodies(again), []string{"delayed"})
		time.Sleep(7 * time.Second)
		wantEqual(t, c.counts(t, queueURL), [3]string{"1", "0", "0"})
	})
}

func TestAReceiveWaitsForMessages(t *testing.T) {
	const never = 20 * time.Second
	tests := []struct {
		name string
		act  func(testing.TB, client, *string) // One second after the receive began to wait.
		want time.Duration
	}{
		{"nothing comes", func(testing.TB, client, *string) {}, never},
		{"a message is sent", func(tb testing.TB, c client, queueURL *string) {
			tb.Helper()
			c.send(tb, queueURL, "x")
		}, time.Second},
		{"a delayed message is sent", func(tb testing.TB, c client, queueURL *string) {
			tb.Helper()
			c.sendDelayed(tb, queueURL, 5)
		}, 6 * time.Second},
		{"a dead letter arrives", func(tb testing.TB, c client, queueURL *string) {
			tb.Helper()
			target := c.attributes(tb, queueURL)["QueueArn"]
			source := c.create(tb, "source", "VisibilityTimeout", "0", "RedrivePolicy", redrivePolicy{target, 1}.String())
			c.send(tb, source, "x")
			c.receive(tb, source)
			c.receive(tb, source)
		}, time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := startInBubble(testConfig)
				queueURL := c.create(t, "q")
				began := time.Now()
				defer inASecond(func() { test.act(t, c, queueURL) })()
				got := c.receive(t, queueURL, waiting)
				wantEqual(t, time.Since(began), test.want)
				wantEqual(t, len(got) == 1, test.want != never)
			})
		})
	}
}

func TestAWaitingReceiveGetsWhatAnotherGivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(testConfig)
		queueURL := c.create(t, "q", "ReceiveMessageWaitTimeSeconds", "20", "VisibilityTimeout", "10")
		c.send(t, queueURL, "x")
		handle := c.receive(t, queueURL)[0].ReceiptHandle
		began := time.Now()
		defer inASecond(func() { wantCode(t, c.hideFor(t, queueURL, handle, 2), "") })()
		wantEqual(t, len(c.receive(t, queueURL)), 1)
		wantEqual(t, time.Since(began), 3*time.Second)
		wantEqual(t, len(c.receive(t, queueURL)), 1) // When the timeout of that receive ends.
		wantEqual(t, time.Since(began), 13*time.Second)
	})
}

func TestOneMessageIsForOneOfManyWaitingReceives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(testConfig)
		queueURL := c.create(t, "q")
		received := make(chan int, 3)
		for range cap(received) {
			go func() { received <- len(c.receive(t, queueURL, waiting)) }()
		}
		synctest.Wait()
		c.send(t, queueURL, "x")
		synctest.Wait()
		wantEqual(t, len(received), 1)
		wantEqual(t, <-received, 1)
		wantEqual(t, <-received+<-received, 0)
	})
}

func TestAWaitingReceiveEndsWithItsQueueOrItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(testConfig)
		queueURL := c.create(t, "q")
		defer inASecond(func() {
			if _, err := c.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: queueURL}); err != nil {
				t.Error(err)
			}
		})()
		began := time.Now()
		_, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queueURL, WaitTimeSeconds: 20})
		wantCode(t, err, "AWS.SimpleQueueService.NonExistentQueue")
		wantEqual(t, time.Since(began), time.Second)

		other := c.create(t, "other")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: other, WaitTimeSeconds: 20}); err == nil {
			t.Error("the receive went on without its client")
		}
		wantEqual(t, time.Since(began), 2*time.Second)
		c.send(t, other, "x")
		wantEqual(t, len(c.receive(t, other)), 1)
	})
}

func TestRedriveToTheDeadLetterQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(testConfig)
		deadLetters := c.create(t, "dead")
		queueURL := c.create(t, "q", "VisibilityTimeout", "10",
			"RedrivePolicy", redrivePolicy{c.attributes(t, deadLetters)["QueueArn"], 2}.String())
		sent, err := c.SendMessage(t.Context(), &sqs.SendMessageInput{
			QueueUrl: queueURL, MessageBody: aws.String("x"), MessageAttributes: map[string]types.MessageAttributeValue{"a": text("b")},
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		first := c.receive(t, queueURL)[0]
		time.Sleep(10 * time.Second)
		second := c.receive(t, queueURL)[0]
		time.Sleep(10 * time.Second)
		wantEqual(t, c.counts(t, deadLetters), [3]string{"0", "0", "0"})
		wantEqual(t, len(c.receive(t, queueURL)), 0)
		wantEqual(t, c.counts(t, queueURL), [3]string{"0", "0", "0"})
		wantEqual(t, c.counts(t, deadLetters), [3]string{"1", "0", "0"})

		dead := c.receive(t, deadLetters)[0]
		wantEqual(t, *dead.MessageId, *sent.MessageId)
		wantEqual(t, *dead.Body, "x")
		wantEqual(t, *dead.MD5OfMessageAttributes, *sent.MD5OfMessageAttributes)
		want := first.Attributes
		want["ApproximateReceiveCount"] = "3"
		want["DeadLetterQueueSourceArn"] = "arn:aws:sqs:eu-west-1:123456789012:q"
		wantEqual(t, dead.Attributes, want)

		c.remove(t, queueURL, second.ReceiptHandle) // It is a receipt of the queue that has the message no longer.
		wantEqual(t, c.counts(t, deadLetters), [3]string{"0", "1", "0"})
		c.remove(t, deadLetters, dead.ReceiptHandle)
		wantEqual(t, c.counts(t, deadLetters), [3]string{"0", "0", "0"})
	})
}

func TestDeadLettersMakeRoomForOtherMessages(t *testing.T) {
	c := start(t)
	deadLetters := c.create(t, "dead")
	queueURL := c.create(t, "q", "VisibilityTimeout", "0", "RedrivePolicy", redrivePolicy{c.attributes(t, deadLetters)["QueueArn"], 1}.String())
	for i := range 5 {
		c.send(t, queueURL, fmt.Sprint("old ", i))
	}
	wantEqual(t, len(c.receive(t, queueURL)), 5)
	c.send(t, queueURL, "new")
	got := c.receive(t, queueURL, func(in *sqs.ReceiveMessageInput) { in.MaxNumberOfMessages = 1 })
	wantEqual(t, bodies(got), []string{"new"})
	wantEqual(t, c.counts(t, deadLetters)[0], "5")
}

func TestDeadLetterQueuesOfAllSorts(t *testing.T) {
	c := start(t)
	policy := func(name string) string { return redrivePolicy{c.server.arn(name), 1}.String() }

	own := c.create(t, "own", "VisibilityTimeout", "0", "RedrivePolicy", policy("own"))
	c.send(t, own, "x", "y")
	wantEqual(t, len(c.receive(t, own)), 2)
	wantEqual(t, len(c.receive(t, own)), 0)
	wantEqual(t, c.counts(t, own), [3]string{"2", "0", "0"})

	gone := c.create(t, "gone")
	orphan := c.create(t, "orphan", "VisibilityTimeout", "0", "RedrivePolicy", policy("gone"))
	if _, err := c.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: gone}); err != nil {
		t.Fatal(err)
	}
	c.send(t, orphan, "x")
	wantEqual(t, len(c.receive(t, orphan)), 1)
	wantEqual(t, len(c.receive(t, orphan)), 1)
}
