package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"chime-offboarding/internal/local/peers"
)

// TestTheQueuesOfOthers takes the program through a night on queues that nobody here wrote.
func TestTheQueuesOfOthers(t *testing.T) {
	for name, start := range map[string]func(*testing.T) string{"ElasticMQ": peers.ElasticMQ, "moto": peers.Moto} {
		t.Run(name, func(t *testing.T) {
			peers.SkipUnlessAsked(t, "CONFORMANCE=1")
			t.Parallel()
			s := stageAt(t, start(t))
			s.deadLetters = s.createQueue("dead-letters", nil)
			s.source = s.createQueue("requests", map[string]string{
				"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn": %q, "maxReceiveCount": 1}`, s.arn(s.deadLetters)),
			})
			s.aNight("-queue-url", s.deadLetters)

			code, _, err := s.runRaw("list", "-queue-url", s.source)
			s.contains(err, "has a redrive policy of its own")
			if code != exitFailed {
				t.Errorf("list of the source queue has exit code %d, want %d", code, exitFailed)
			}
		})
	}
}

func TestAStackOfMoto(t *testing.T) {
	peers.SkipUnlessAsked(t, "CONFORMANCE=1")
	endpoint := peers.Moto(t)
	s := stageAt(t, endpoint)
	name, template := "offboarding", `
Resources:
  SourceQueue:
    Type: AWS::SQS::Queue
    Properties:
      RedrivePolicy:
        deadLetterTargetArn: !GetAtt DeadLetterQueue.Arn
        maxReceiveCount: 1
  DeadLetterQueue:
    Type: AWS::SQS::Queue
Outputs:
  SourceQueueUrl:
    Value: !Ref SourceQueue
  DeadLetterQueueUrl:
    Value: !Ref DeadLetterQueue
`
	stacks := cloudformation.NewFromConfig(configuration(endpoint))
	_, err := stacks.CreateStack(s.ctx, &cloudformation.CreateStackInput{StackName: &name, TemplateBody: &template})
	must(t, err)
	described, err := stacks.DescribeStacks(s.ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	must(t, err)
	for _, output := range described.Stacks[0].Outputs {
		switch *output.OutputKey {
		case "DeadLetterQueueUrl":
			s.deadLetters = *output.OutputValue
		case "SourceQueueUrl":
			s.source = *output.OutputValue
		}
	}
	t.Setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", endpoint)
	t.Setenv("AWS_ENDPOINT_URL_SQS", endpoint) // moto's stacks have URLs of AWS.
	s.aNight("-stack", name)
}

// stageAt is a stage without queues yet, and with nothing in between.
func stageAt(t *testing.T, endpoint string) *stage {
	t.Helper()
	return &stage{
		T: t, ctx: t.Context(), direct: sqs.NewFromConfig(configuration(endpoint)),
		program: program{in: strings.NewReader(""), now: time.Now, pace: careful},
	}
}

func (s *stage) createQueue(name string, attributes map[string]string) (queueURL string) {
	s.Helper()
	out, err := s.direct.CreateQueue(s.ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	must(s.T, err)
	return *out.QueueUrl
}

func (s *stage) arn(queueURL string) string {
	s.Helper()
	out, err := s.direct.GetQueueAttributes(s.ctx, &sqs.GetQueueAttributesInput{QueueUrl: &queueURL, AttributeNames: []types.QueueAttributeName{"QueueArn"}})
	must(s.T, err)
	return out.Attributes["QueueArn"]
}

// aNight lists, shows, redrives and discards.
func (s *stage) aNight(queue ...string) {
	s.Helper()
	throttled, invalid := s.users("Throttled", 23), s.users("InvalidRequest", 12)
	const moved = `{"accountId": "corp", "userIds": ["ada", "alan"]}`
	s.moved(moved)

	run := func(command string, args ...string) string {
		s.Helper()
		code, out, err := s.runRaw(slices.Concat([]string{command}, queue, args)...)
		if code != exitDone {
			s.Fatalf("%s %q has exit code %d and says\n%s%s", command, args, code, out, err)
		}
		return out
	}
	s.contains(run("list"), "│ InvalidRequest │ corp    │      12 │", "│ Throttled      │ corp    │      23 │", "│ @none          │ corp    │       1 │", "│ All            │         │      36 │")
	if n := strings.Count(run("show"), "\n"); n != 36 {
		s.Errorf("show prints %d lines, want 36", n)
	}
	s.contains(run("redrive", "-code", "Throttled,@none"), "To send 24 letters to "+s.source)
	s.contains(run("redrive", "-code", "Throttled,@none", "-yes"), "24 letters redriven to "+s.source)
	s.contains(run("list"), "│ All            │         │      12 │")
	if got := s.in(s.source); !slices.Equal(got, append([]string{moved}, throttled...)) {
		s.Errorf("the source queue has %q", got)
	}
	file := filepath.Join(s.TempDir(), "discarded.jsonl")
	s.contains(run("discard", "-code", "InvalidRequest", "-yes", "-file", file), "12 letters discarded.")
	if got := s.written(file); !slices.Equal(got, invalid) {
		s.Errorf("the file has %q", got)
	}
	if code, _, err := s.runRaw(append([]string{"list"}, queue...)...); code != exitNothing {
		s.Errorf("list of the empty queue has exit code %d and says %s", code, err)
	}
}
