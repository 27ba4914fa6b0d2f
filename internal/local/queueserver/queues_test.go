package queueserver

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func TestNamesOfQueues(t *testing.T) {
	tests := []struct{ name, code string }{
		{"", "InvalidParameterValue"},
		{"q", ""},
		{strings.Repeat("q", 80), ""},
		{strings.Repeat("q", 81), "InvalidParameterValue"},
		{"AZaz09-_", ""},
		{"a.b", "InvalidParameterValue"},
		{"a/b", "InvalidParameterValue"},
		{"ä", "InvalidParameterValue"},
		{"q.fifo", "InvalidParameterValue"},
	}
	c := start(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := c.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &test.name})
			wantCode(t, err, test.code)
		})
	}
}

func TestCreatingAQueueAgain(t *testing.T) {
	c := start(t)
	queueURL := c.create(t, "q", "VisibilityTimeout", "60")
	tests := []struct {
		name       string
		attributes map[string]string
		code       string
	}{
		{"without attributes", nil, ""},
		{"with the same", map[string]string{"VisibilityTimeout": "60"}, ""},
		{"with a default that it has", map[string]string{"VisibilityTimeout": "60", "DelaySeconds": "0"}, ""},
		{"with another value", map[string]string{"VisibilityTimeout": "61"}, "QueueAlreadyExists"},
		{"with another attribute", map[string]string{"VisibilityTimeout": "60", "DelaySeconds": "1"}, "QueueAlreadyExists"},
		{"with a value that is none", map[string]string{"VisibilityTimeout": "-1"}, "InvalidAttributeValue"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out, err := c.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q"), Attributes: test.attributes})
			wantCode(t, err, test.code)
			if err == nil {
				wantEqual(t, *out.QueueUrl, *queueURL)
			}
		})
	}
	wantEqual(t, c.attributes(t, queueURL)["VisibilityTimeout"], "60")
}

func TestAQueueThatIsRefusedIsNotThere(t *testing.T) {
	c := start(t)
	for _, in := range []*sqs.CreateQueueInput{
		{QueueName: aws.String("q"), Attributes: map[string]string{"DelaySeconds": "901"}},
		{QueueName: aws.String("q"), Tags: map[string]string{"a": "b"}},
	} {
		if _, err := c.CreateQueue(t.Context(), in); err == nil {
			t.Errorf("created %v", in)
		}
	}
	_, err := c.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("q")})
	wantCode(t, err, "AWS.SimpleQueueService.NonExistentQueue")
}

func TestQueueURLs(t *testing.T) {
	c := start(t)
	queueURL := c.create(t, "q")
	if !strings.HasPrefix(*queueURL, "http://127.0.0.1:") || !strings.HasSuffix(*queueURL, "/123456789012/q") {
		t.Errorf("created %s", *queueURL)
	}
	tests := []struct{ name, owner, code string }{
		{"q", "", ""},
		{"q", "123456789012", ""},
		{"q", "210987654321", "AWS.SimpleQueueService.NonExistentQueue"},
		{"Q", "", "AWS.SimpleQueueService.NonExistentQueue"},
	}
	for _, test := range tests {
		t.Run(test.name+" of "+test.owner, func(t *testing.T) {
			in := &sqs.GetQueueUrlInput{QueueName: &test.name}
			if test.owner != "" {
				in.QueueOwnerAWSAccountId = &test.owner
			}
			out, err := c.GetQueueUrl(t.Context(), in)
			wantCode(t, err, test.code)
			if err == nil {
				wantEqual(t, *out.QueueUrl, *queueURL)
			}
		})
	}
	c.send(t, aws.String("https://sqs.eu-west-1.amazonaws.com/123456789012/q"), "the host does not matter")
	wantEqual(t, c.counts(t, queueURL)[0], "1")
}

func TestDeletingAQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(testConfig)
		queueURL := c.create(t, "q")
		c.send(t, queueURL, "x")
		handle := c.receive(t, queueURL)[0].ReceiptHandle
		if _, err := c.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: queueURL}); err != nil {
			t.Fatal(err)
		}
		_, err := c.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: queueURL})
		wantCode(t, err, "AWS.SimpleQueueService.NonExistentQueue")

		time.Sleep(60*time.Second - time.Nanosecond)
		_, err = c.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
		wantCode(t, err, "AWS.SimpleQueueService.QueueDeletedRecently")
		time.Sleep(time.Nanosecond)
		c.create(t, "q")
		wantEqual(t, c.counts(t, queueURL), [3]string{"0", "0", "0"})
		_, err = c.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: queueURL, ReceiptHandle: handle})
		wantCode(t, err, "ReceiptHandleIsInvalid")
	})
}

func TestPurgingAQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(testConfig)
		queueURL := c.create(t, "q")
		purge := func(code string) {
			_, err := c.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: queueURL})
			wantCode(t, err, code)
		}
		c.send(t, queueURL, "received")
		handle := c.receive(t, queueURL)[0].ReceiptHandle
		c.send(t, queueURL, "visible")
		purge("")
		wantEqual(t, c.counts(t, queueURL), [3]string{"0", "0", "0"})
		c.send(t, queueURL, "new")
		c.remove(t, queueURL, handle)
		wantEqual(t, bodies(c.receive(t, queueURL)), []string{"new"})

		time.Sleep(60*time.Second - time.Nanosecond)
		purge("AWS.SimpleQueueService.PurgeQueueInProgress")
		time.Sleep(time.Nanosecond)
		purge("")
	})
}

func TestListingQueues(t *testing.T) {
	c := start(t)
	for i := range maxListedQueues + 1 {
		c.create(t, fmt.Sprintf("many-%04d", i))
	}
	c.create(t, "one")
	list := func(prefix string, limit int32, token *string) ([]string, *string) {
		in := &sqs.ListQueuesInput{NextToken: token}
		if prefix != "" {
			in.QueueNamePrefix = &prefix
		}
		if limit != 0 {
			in.MaxResults = &limit
		}
		out, err := c.ListQueues(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		names := make([]string, len(out.QueueUrls))
		for i, queueURL := range out.QueueUrls {
			names[i] = queueURL[strings.LastIndexByte(queueURL, '/')+1:]
		}
		return names, out.NextToken
	}

	names, token := list("", 0, nil)
	wantEqual(t, len(names), maxListedQueues)
	wantEqual(t, token, nil)
	names, _ = list("o", 0, nil)
	wantEqual(t, names, []string{"one"})
	names, _ = list("none", 0, nil)
	wantEqual(t, len(names), 0)

	names, token = list("many-099", 9, nil)
	wantEqual(t, len(names), 9)
	names, token = list("many-099", 9, token)
	wantEqual(t, names, []string{"many-0999"})
	wantEqual(t, token, nil)

	for _, limit := range []int32{-1, 0, 1001} {
		_, err := c.ListQueues(t.Context(), &sqs.ListQueuesInput{MaxResults: &limit})
		wantCode(t, err, "InvalidParameterValue")
	}
	_, err := c.ListQueues(t.Context(), &sqs.ListQueuesInput{NextToken: aws.String("!")})
	wantCode(t, err, "InvalidParameterValue")
}

func TestAttributesOfQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(testConfig)
		queueURL := c.create(t, "q", "VisibilityTimeout", "60")
		created := strconv.FormatInt(time.Now().Unix(), 10)
		want := map[string]string{
			"ApproximateNumberOfMessages":           "0",
			"ApproximateNumberOfMessagesDelayed":    "0",
			"ApproximateNumberOfMessagesNotVisible": "0",
			"CreatedTimestamp":                      created,
			"DelaySeconds":                          "0",
			"LastModifiedTimestamp":                 created,
			"MaximumMessageSize":                    "1048576",
			"MessageRetentionPeriod":                "345600",
			"QueueArn":                              "arn:aws:sqs:eu-west-1:123456789012:q",
			"ReceiveMessageWaitTimeSeconds":         "0",
			"VisibilityTimeout":                     "60",
		}
		wantEqual(t, c.attributes(t, queueURL), want)

		time.Sleep(time.Hour)
		if _, err := c.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: queueURL, Attributes: map[string]string{
			"DelaySeconds": "1", "MaximumMessageSize": "2000", "MessageRetentionPeriod": "61", "ReceiveMessageWaitTimeSeconds": "2",
		}}); err != nil {
			t.Fatal(err)
		}
		want["DelaySeconds"], want["MaximumMessageSize"], want["MessageRetentionPeriod"] = "1", "2000", "61"
		want["ReceiveMessageWaitTimeSeconds"] = "2"
		want["LastModifiedTimestamp"] = strconv.FormatInt(time.Now().Unix(), 10)
		wantEqual(t, c.attributes(t, queueURL), want)

		out, err := c.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
			QueueUrl: queueURL, AttributeNames: []types.QueueAttributeName{"QueueArn", "RedrivePolicy", "Policy"},
		})
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, out.Attributes, map[string]string{"QueueArn": "arn:aws:sqs:eu-west-1:123456789012:q"})
		_, err = c.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
			QueueUrl: queueURL, AttributeNames: []types.QueueAttributeName{"Foobar"},
		})
		wantCode(t, err, "InvalidAttributeName")
		out, err = c.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: queueURL})
		wantCode(t, err, "")
		wantEqual(t, len(out.Attributes), 0)
	})
}
