package queueserver

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func TestQueueTimeMayPassFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(Config{Region: "eu-west-1", AccountID: "123456789012", Speed: 60})
		queueURL := c.create(t, "q", "VisibilityTimeout", "600", "MessageRetentionPeriod", "3600")
		began := time.Now()
		c.send(t, queueURL, "x")
		wantEqual(t, len(c.receive(t, queueURL)), 1)

		time.Sleep(9 * time.Second)
		wantEqual(t, len(c.receive(t, queueURL)), 0)
		second := c.receive(t, queueURL, waiting) // It waits for the timeout's last minute, a second on the wall.
		wantEqual(t, time.Since(began), 10*time.Second)
		wantEqual(t, milliseconds(began), second[0].Attributes["SentTimestamp"])
		wantEqual(t, c.attributes(t, queueURL)["CreatedTimestamp"], strconv.FormatInt(began.Unix(), 10))

		if _, err := c.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{
			QueueUrl: queueURL, Attributes: map[string]string{"DelaySeconds": "60"},
		}); err != nil {
			t.Fatal(err)
		}
		c.send(t, queueURL, "delayed")
		time.Sleep(time.Second)
		delayed := c.receive(t, queueURL)
		wantEqual(t, bodies(delayed), []string{"delayed"})
		wantEqual(t, delayed[0].Attributes["SentTimestamp"], milliseconds(began.Add(10*time.Minute)))
		wantEqual(t, delayed[0].Attributes["ApproximateFirstReceiveTimestamp"], milliseconds(began.Add(11*time.Minute)))

		time.Sleep(49 * time.Second)
		wantEqual(t, bodies(c.receive(t, queueURL)), []string{"delayed"})

		waited := time.Now()
		wantEqual(t, len(c.receive(t, c.create(t, "empty"), waiting)), 0)
		wantEqual(t, time.Since(waited), 20*time.Second)
	})
}

func TestQueueTimeMayPassSlower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(Config{Region: "eu-west-1", AccountID: "123456789012", Speed: 0.3})
		queueURL := c.create(t, "q", "VisibilityTimeout", "3")
		c.send(t, queueURL, "x")
		wantEqual(t, len(c.receive(t, queueURL)), 1)
		began := time.Now()
		wantEqual(t, len(c.receive(t, queueURL, waiting)), 1)
		wantEqual(t, time.Since(began).Round(time.Microsecond), 10*time.Second)
	})
}
