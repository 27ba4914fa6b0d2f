package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/go-json-experiment/json"

	"chime-offboarding/internal/failure"
	"chime-offboarding/internal/request"
)

// none stands where a letter has no code, or its body no account. It is neither a code nor an account ID.
const none = "@none"

// letter is a message of the dead-letter queue, in the form in which show and discard write it. What a letter does not have
// is left out. Other programs depend on the names, which are in the help of show.
type letter struct {
	MessageID       string    `json:"messageId"` // the letter's own
	SentAt          time.Time `json:"sentAt,omitzero"`
	ErrorCode       string    `json:"errorCode,omitzero"`
	ErrorMessage    string    `json:"errorMessage,omitzero"`
	SourceMessageID string    `json:"sourceMessageId,omitzero"`
	SourceQueueARN  string    `json:"sourceQueueArn,omitzero"`
	ReceiveCount    int       `json:"receiveCount,omitzero"` // of the source message
	FailedAt        string    `json:"failedAt,omitzero"`
	RequestID       string    `json:"requestId,omitzero"`
	AccountID       string    `json:"accountId,omitzero"` // this and the next two where the body is a valid request
	UserIDs         []string  `json:"userIds,omitzero"`
	CorrelationID   string    `json:"correlationId,omitzero"`
	Body            string    `json:"body"`

	handle   string
	received time.Time // by the wall, so that a machine that sleeps in between is noticed
	again    bool      // whether it was received before in the same reading
}

// newLetter reads a message. One that the queue's own redrive policy has moved, or that somebody has sent, has no reason.
func newLetter(m *types.Message, received time.Time) letter {
	attribute := func(name string) string { return aws.ToString(m.MessageAttributes[name].StringValue) }
	l := letter{
		MessageID:       aws.ToString(m.MessageId),
		ErrorCode:       attribute("ErrorCode"),
		ErrorMessage:    attribute("ErrorMessage"),
		SourceMessageID: attribute("SourceMessageId"),
		SourceQueueARN:  attribute("SourceQueueArn"),
		FailedAt:        attribute("FailedAt"),
		RequestID:       attribute("RequestId"),
		Body:            aws.ToString(m.Body),
		handle:          aws.ToString(m.ReceiptHandle),
		received:        received.Round(0),
	}
	if l.SourceQueueARN == "" {
		l.SourceQueueARN = m.Attributes[string(types.MessageSystemAttributeNameDeadLetterQueueSourceArn)]
	}
	l.ReceiveCount, _ = strconv.Atoi(attribute("ReceiveCount")) // 0, and so left out, if it is no number.
	if sent, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64); err == nil {
		l.SentAt = time.UnixMilli(sent).UTC()
	}
	var parser request.Parser
	if r, err := parser.Parse(l.Body); err == nil {
		l.AccountID, l.UserIDs, l.CorrelationID = r.AccountID, r.UserIDs, r.CorrelationID
	}
	return l
}

// code returns the letter's code, or none where it has none, or some text instead, which does not belong on a terminal.
func (l *letter) code() string {
	if failure.IsCode(l.ErrorCode) {
		return l.ErrorCode
	}
	return none
}

// account returns the account of the request, or none where the body is no valid request.
func (l *letter) account() string {
	if l.AccountID == "" {
		return none
	}
	return l.AccountID
}

// since returns when the letter's age begins.
func (l *letter) since() time.Time {
	if failed, err := time.Parse(time.RFC3339, l.FailedAt); err == nil {
		return failed
	}
	return l.SentAt
}

// line returns the letter as a line of JSON.
func (l *letter) line() ([]byte, error) {
	line, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("writing letter %s as JSON: %w", l.MessageID, err)
	}
	return append(line, '\n'), nil
}
