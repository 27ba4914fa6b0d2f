package queueserver

import (
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func TestLimitsOfSettings(t *testing.T) {
	tests := []struct {
		attribute string
		low, high int
	}{
		{"DelaySeconds", 0, 900},
		{"MaximumMessageSize", 1024, 1_048_576},
		{"MessageRetentionPeriod", 60, 1_209_600},
		{"ReceiveMessageWaitTimeSeconds", 0, 20},
		{"VisibilityTimeout", 0, 43_200},
	}
	c := start(t)
	queueURL := c.create(t, "q")
	for _, test := range tests {
		t.Run(test.attribute, func(t *testing.T) {
			for value, code := range map[string]string{
				strconv.Itoa(test.low - 1):  "InvalidAttributeValue",
				strconv.Itoa(test.low):      "",
				strconv.Itoa(test.high):     "",
				strconv.Itoa(test.high + 1): "InvalidAttributeValue",
				"":                          "InvalidAttributeValue",
				"60.0":                      "InvalidAttributeValue",
				"sixty":                     "InvalidAttributeValue",
			} {
				_, err := c.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{
					QueueUrl: queueURL, Attributes: map[string]string{test.attribute: value},
				})
				wantCode(t, err, code)
				if err == nil {
					wantEqual(t, c.attributes(t, queueURL)[test.attribute], value)
				}
			}
		})
	}
}

func TestSettingsThatAreNone(t *testing.T) {
	c := start(t)
	queueURL := c.create(t, "q")
	for attribute, code := range map[string]string{
		"Foobar":                      "InvalidAttributeName",
		"FifoQueue":                   "InvalidAttributeName",
		"QueueArn":                    "InvalidAttributeName",
		"Policy":                      "AWS.SimpleQueueService.UnsupportedOperation",
		"SqsManagedSseEnabled":        "AWS.SimpleQueueService.UnsupportedOperation",
		"RedriveAllowPolicy":          "AWS.SimpleQueueService.UnsupportedOperation",
		"ApproximateNumberOfMessages": "InvalidAttributeName",
	} {
		_, err := c.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{
			QueueUrl: queueURL, Attributes: map[string]string{attribute: "60", "VisibilityTimeout": "60"},
		})
		wantCode(t, err, code)
	}
	wantEqual(t, c.attributes(t, queueURL)["VisibilityTimeout"], "30") // All or nothing.
}

func TestRedrivePolicies(t *testing.T) {
	const target = "arn:aws:sqs:eu-west-1:123456789012:dead"
	tests := []struct{ name, policy, code, kept string }{
		{"a number", `{"deadLetterTargetArn":"` + target + `","maxReceiveCount":5}`, "", `{"deadLetterTargetArn":"` + target + `","maxReceiveCount":5}`},
		{"a string", `{"maxReceiveCount":"5","deadLetterTargetArn":"` + target + `"}`, "", `{"deadLetterTargetArn":"` + target + `","maxReceiveCount":5}`},
		{"0 receives", `{"deadLetterTargetArn":"` + target + `","maxReceiveCount":0}`, "InvalidParameterValue", ""},
		{"1 receive", `{"deadLetterTargetArn":"` + target + `","maxReceiveCount":1}`, "", `{"deadLetterTargetArn":"` + target + `","maxReceiveCount":1}`},
		{"1,000 receives", `{"deadLetterTargetArn":"` + target + `","maxReceiveCount":1000}`, "", `{"deadLetterTargetArn":"` + target + `","maxReceiveCount":1000}`},
		{"1,001 receives", `{"deadLetterTargetArn":"` + target + `","maxReceiveCount":1001}`, "InvalidParameterValue", ""},
		{"no number of receives", `{"deadLetterTargetArn":"` + target + `"}`, "InvalidParameterValue", ""},
		{"a number of receives that is none", `{"deadLetterTargetArn":"` + target + `","maxReceiveCount":"many"}`, "InvalidParameterValue", ""},
		{"no target", `{"maxReceiveCount":5}`, "InvalidParameterValue", ""},
		{"a target that does not exist", `{"deadLetterTargetArn":"` + target + `s","maxReceiveCount":5}`, "InvalidParameterValue", ""},
		{"a target of another Region", `{"deadLetterTargetArn":"arn:aws:sqs:eu-west-2:123456789012:dead","maxReceiveCount":5}`, "InvalidParameterValue", ""},
		{"something that is not JSON", `dead`, "InvalidParameterValue", ""},
		{"none", ``, "", ""},
	}
	c := start(t)
	c.create(t, "dead")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			queueURL := c.create(t, newUUID())
			_, err := c.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{
				QueueUrl: queueURL, Attributes: map[string]string{"RedrivePolicy": test.policy},
			})
			wantCode(t, err, test.code)
			wantEqual(t, c.attributes(t, queueURL)["RedrivePolicy"], test.kept)
		})
	}
}
