package conformance

import (
	"crypto/md5"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// queue is a queue of a step's own.
type queue struct {
	*testing.T
	api       *sqs.Client
	prefix    string
	settle    time.Duration
	name, url string
}

// patience is how long a step waits for a message that has to come.
const patience = time.Minute

type (
	settings   = map[string]string
	attributes = map[string]types.MessageAttributeValue
)

// another creates another queue.
func (q queue) another(set settings) queue {
	q.Helper()
	q.name = q.prefix + "conformance-" + rand.Text()
	var err error
	q.url, err = q.create(q.name, set)
	q.must(err)
	return q
}

// create creates a queue that is deleted in the end.
func (q queue) create(name string, set settings) (url string, err error) {
	out, err := q.api.CreateQueue(q.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: set})
	if err != nil {
		return "", err
	}
	q.Cleanup(func() {
		ctx, cancel := cleanUp()
		defer cancel()
		_, _ = q.api.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: out.QueueUrl}) // The step may have deleted it.
	})
	return *out.QueueUrl, nil
}

func (q queue) must(err error) {
	q.Helper()
	if err != nil {
		q.Fatal(err)
	}
}

// send sends a message.
func (q queue) send(body string, with attributes) error {
	_, err := q.api.SendMessage(q.Context(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &body, MessageAttributes: with})
	return err
}

// take waits for one message, which then is invisible for some seconds, or for as long as the queue says if they are 0.
func (q queue) take(visibilityTimeout int32) types.Message {
	q.Helper()
	return q.first(&sqs.ReceiveMessageInput{VisibilityTimeout: visibilityTimeout})
}

// first waits for one message.
func (q queue) first(in *sqs.ReceiveMessageInput) types.Message {
	q.Helper()
	in.WaitTimeSeconds = 5
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if got := q.receive(in); len(got) > 0 {
			return got[0]
		}
	}
	q.Fatal("the message does not come")
	return types.Message{}
}

// takeNew sends a message and receives it, to be invisible for ten minutes.
func (q queue) takeNew() types.Message {
	q.Helper()
	q.must(q.send("a message", nil))
	return q.take(600)
}

// receive receives with all attributes, unless the input asks for others.
func (q queue) receive(in *sqs.ReceiveMessageInput) []types.Message {
	q.Helper()
	in.QueueUrl = &q.url
	if in.MessageAttributeNames == nil {
		in.MessageAttributeNames = []string{"All"}
	}
	if in.MessageSystemAttributeNames == nil {
		in.MessageSystemAttributeNames = []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll}
	}
	out, err := q.api.ReceiveMessage(q.Context(), in)
	q.must(err)
	return out.Messages
}

// comes says whether there is a message to receive within some seconds.
func (q queue) comes(within int32) string {
	q.Helper()
	if len(q.receive(&sqs.ReceiveMessageInput{WaitTimeSeconds: within})) > 0 {
		return "it comes"
	}
	return "it does not come"
}

// after says whether something took a second, by clocks that need not be exact.
func after(took time.Duration) string {
	if took < 900*time.Millisecond {
		return "at once"
	}
	return "after a second"
}

func (q queue) delete(handle *string) error {
	_, err := q.api.DeleteMessage(q.Context(), &sqs.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: handle})
	return err
}

func (q queue) show(handle *string, timeout int32) error {
	_, err := q.api.ChangeMessageVisibility(q.Context(), &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &q.url, ReceiptHandle: handle, VisibilityTimeout: timeout,
	})
	return err
}

func (q queue) set(values settings) error {
	_, err := q.api.SetQueueAttributes(q.Context(), &sqs.SetQueueAttributesInput{QueueUrl: &q.url, Attributes: values})
	return err
}

func (q queue) attributes(names ...types.QueueAttributeName) (settings, error) {
	out, err := q.api.GetQueueAttributes(q.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &q.url, AttributeNames: names})
	if err != nil {
		return nil, err
	}
	return out.Attributes, nil
}

// arn returns the queue's ARN.
func (q queue) arn() string {
	q.Helper()
	got, err := q.attributes(types.QueueAttributeNameQueueArn)
	q.must(err)
	return got["QueueArn"]
}

// soon asks until the answer is the one that is wanted or the queue has settled.
func (q queue) soon(want string, ask func() string) string {
	got := ask()
	for end := time.Now().Add(q.settle); got != want && time.Now().Before(end); got = ask() {
		time.Sleep(time.Second)
	}
	return got
}

// which tells which of several things are taken, each written in a format.
func which[T any](format string, things []T, take func(T) error) string {
	var taken, refused []string
	for _, thing := range things {
		text := fmt.Sprintf(format, thing)
		if len(text) > 40 {
			text = fmt.Sprintf("one of %d characters", len(text)-2)
		}
		switch v := verdict(take(thing)); v {
		case "taken":
			taken = append(taken, text)
		case "refused":
			refused = append(refused, text)
		default:
			return v
		}
	}
	switch {
	case len(refused) == 0:
		return "all are taken"
	case len(taken) == 0:
		return "all are refused"
	case len(taken) < len(refused):
		return "takes " + strings.Join(taken, ", ")
	default:
		return "refuses " + strings.Join(refused, ", ")
	}
}

// results tells what became of the entries of a batch.
func results[T any](done []T, id func(T) *string, failed []types.BatchResultErrorEntry) string {
	var all []string
	for _, d := range done {
		all = append(all, *id(d)+" done")
	}
	for _, f := range failed {
		fault := "the service's"
		if f.SenderFault {
			fault = "the sender's"
		}
		code := aws.ToString(f.Code)
		all = append(all, *f.Id+" "+code[strings.LastIndexAny(code, ".#")+1:]+", "+fault+" fault")
	}
	if len(all) == 0 {
		return "an empty answer"
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

func (q queue) sendBatch(entries ...types.SendMessageBatchRequestEntry) string {
	out, err := q.api.SendMessageBatch(q.Context(), &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: entries})
	if err != nil {
		return name(err)
	}
	return results(out.Successful, func(e types.SendMessageBatchResultEntry) *string { return e.Id }, out.Failed)
}

func (q queue) deleteBatch(entries ...types.DeleteMessageBatchRequestEntry) string {
	out, err := q.api.DeleteMessageBatch(q.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: &q.url, Entries: entries})
	if err != nil {
		return name(err)
	}
	return results(out.Successful, func(e types.DeleteMessageBatchResultEntry) *string { return e.Id }, out.Failed)
}

func (q queue) showBatch(entries ...types.ChangeMessageVisibilityBatchRequestEntry) string {
	out, err := q.api.ChangeMessageVisibilityBatch(q.Context(), &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.url, Entries: entries})
	if err != nil {
		return name(err)
	}
	return results(out.Successful, func(e types.ChangeMessageVisibilityBatchResultEntry) *string { return e.Id }, out.Failed)
}

// text is a message attribute of the type String, or of another that has its value as text.
func text(value string, dataType ...string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String(strings.Join(append(dataType, "String")[:1], "")), StringValue: &value}
}

func data(value []byte) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("Binary"), BinaryValue: value}
}

func digest(b []byte) string {
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}

// attributesDigest is written after
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation.
func attributesDigest(all attributes) string {
	var b []byte
	add := func(part []byte) { b = append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...) }
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a := all[name]
		add([]byte(name))
		add([]byte(*a.DataType))
		if a.StringValue != nil {
			b = append(b, 1)
			add([]byte(*a.StringValue))
		} else {
			b = append(b, 2)
			add(a.BinaryValue)
		}
	}
	return digest(b)
}
