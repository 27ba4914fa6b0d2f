// Package world is what surrounds the function when an event is handed to it as it is: a Chime and an SQS in which nothing
// has happened yet. It tells how the event has ended.
package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"chime-offboarding/internal/local/chimeserver"
	"chime-offboarding/internal/local/queueserver"
)

const (
	region     = "us-east-1"
	letterName = "suspension-dead-letters"
)

// World is a Chime and an SQS. Who has made it serves both.
type World struct {
	Chime *chimeserver.Server
	Queue *queueserver.Server

	directory *chimeserver.Directory
	account   string // of the queues
	queues    *sqs.Client
	letters   string // the dead-letter queue's URL
}

// New returns a world for an event: a Chime with the accounts and users of a directory file, and an SQS with a dead-letter
// queue in the AWS account of the event's queue.
func New(ctx context.Context, directory io.Reader, event []byte) (*World, error) {
	users, err := chimeserver.Load(directory)
	if err != nil {
		return nil, err
	}
	w := &World{Chime: chimeserver.New(users), directory: users, account: accountOf(event)}
	w.Queue = queueserver.New(queueserver.Config{Region: region, AccountID: w.account})
	w.queues = sqs.New(sqs.Options{
		BaseEndpoint: aws.String("http://localhost"),
		Region:       region,
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient:   direct{w.Queue},
	})
	w.letters, err = w.createQueue(ctx, letterName)
	return w, err
}

// direct takes the SDK's requests to a handler, without a network.
type direct struct{ http.Handler }

// Do answers a request.
func (d direct) Do(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	d.ServeHTTP(answer, r)
	return answer.Result(), nil
}

func (w *World) createQueue(ctx context.Context, name string) (url string, err error) {
	created, err := w.queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name})
	if err != nil {
		return "", fmt.Errorf("creating the queue %q: %w", name, err)
	}
	return *created.QueueUrl, nil
}

// Settings returns the variables with which the function finds the world, served under these URLs.
func (w *World) Settings(chimeURL, queueURL string) map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL_CHIME": chimeURL,
		"AWS_ENDPOINT_URL_SQS":   queueURL,
		"DEAD_LETTER_QUEUE_URL":  queueURL + "/" + w.account + "/" + letterName,
	}
}

// record is what the world reads of a message in an event.
type record struct {
	MessageID string `json:"messageId"`
	Body      string `json:"body"`
	SourceARN string `json:"eventSourceARN"`
}

// recordsOf returns none for what is not an event of SQS.
func recordsOf(event []byte) []record {
	var decoded struct{ Records []record }
	_ = json.Unmarshal(event, &decoded) // What is wrong with it is for the function to say.
	return decoded.Records
}

// accountOf returns the AWS account of the event's queue, or that of AWS's own examples.
func accountOf(event []byte) string {
	for _, r := range recordsOf(event) {
		if parts := strings.Split(r.SourceARN, ":"); len(parts) == 6 && parts[4] != "" {
			return parts[4]
		}
	}
	return "123456789012"
}

// Receive puts the event's messages into their queue and receives them. It returns the event with their real receipt
// handles, without which the function could not say when a message is to be delivered again. All else stays as it is, and so
// do a message that SQS would not take, and what is not an event of SQS.
func (w *World) Receive(ctx context.Context, event []byte) ([]byte, error) {
	var members map[string]json.RawMessage
	var records []map[string]json.RawMessage
	if !decodes(event, &members) || !decodes(members["Records"], &records) {
		return event, nil
	}
	for i, r := range recordsOf(event) {
		handle, err := w.receive(ctx, r)
		if _, refused := errors.AsType[smithy.APIError](err); refused {
			continue
		}
		if err != nil {
			return nil, err
		}
		if records[i]["receiptHandle"], err = json.Marshal(handle); err != nil {
			return nil, fmt.Errorf("writing a receipt handle: %w", err)
		}
	}
	var err error
	if members["Records"], err = json.Marshal(records); err == nil {
		event, err = json.Marshal(members)
	}
	if err != nil {
		return nil, fmt.Errorf("writing the event: %w", err)
	}
	return event, nil
}

func decodes(text []byte, into any) bool { return json.Unmarshal(text, into) == nil }

// hidden is how long a message stays with its receiver, the longest that SQS allows.
const hidden = 12 * time.Hour

// receive sends a message to its queue, where all others are hidden, and receives it.
func (w *World) receive(ctx context.Context, r record) (handle string, err error) {
	source, err := w.createQueue(ctx, r.SourceARN[strings.LastIndex(r.SourceARN, ":")+1:])
	if err != nil {
		return "", err
	}
	if _, err = w.queues.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &source, MessageBody: &r.Body}); err != nil {
		return "", fmt.Errorf("sending a message: %w", err)
	}
	received, err := w.queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &source, VisibilityTimeout: int32(hidden.Seconds())})
	if err != nil {
		return "", fmt.Errorf("receiving a message: %w", err)
	}
	return *received.Messages[0].ReceiptHandle, nil
}
