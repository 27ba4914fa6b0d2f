package main

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
)

// event is an SQS event as Lambda hands it to a function (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html), and whom
// it asks for: each message one user, nobody twice.
type event struct {
	payload []byte
	users   map[user]bool
	calls   int // the least possible
}

type user struct{ account, id string }

// accounts are those of every event.
var accounts = [...]string{"acme-enterprise", "acme-team", "acme-labs", "acme-stores"}

const (
	// batchSize is how many users one BatchSuspendUser call takes
	// (https://docs.aws.amazon.com/chime/latest/APIReference/API_BatchSuspendUser.html).
	batchSize = 50

	// receiptBytes is how long a receipt handle is, before base64. Real ones are longer; with this one 8,000 messages are 5 MB of
	// the 6 MB that an event may have.
	receiptBytes = 18
)

type message struct {
	MessageID         string            `json:"messageId"`
	ReceiptHandle     string            `json:"receiptHandle"`
	Body              string            `json:"body"`
	Attributes        map[string]string `json:"attributes"`
	MessageAttributes struct{}          `json:"messageAttributes"`
	MD5OfBody         string            `json:"md5OfBody"`
	EventSource       string            `json:"eventSource"`
	EventSourceARN    string            `json:"eventSourceARN"`
	AWSRegion         string            `json:"awsRegion"`
}

type body struct {
	AccountID     string `json:"accountId"`
	UserID        string `json:"userId"`
	CorrelationID string `json:"correlationId"`
	RequestedBy   string `json:"requestedBy"`
	Reason        string `json:"reason"`
}

// newEvent returns an event of so many messages, in which the accounts take turns. It is the same each time.
func newEvent(messages int) (event, error) {
	random := rand.New(rand.NewPCG(1, uint64(messages)))
	e := event{users: make(map[user]bool)}
	var perAccount [len(accounts)]int
	var all struct{ Records []message }
	for i := range messages {
		account := i % len(accounts)
		u := user{accounts[account], uuid(random)}
		e.users[u] = true
		if perAccount[account]%batchSize == 0 {
			e.calls++
		}
		perAccount[account]++
		text, err := json.Marshal(body{u.account, u.id, fmt.Sprintf("offboarding-%04d", i), "hr-system", "Last working day"})
		if err != nil {
			return e, fmt.Errorf("making a message: %w", err)
		}
		sum := md5.Sum(text)
		all.Records = append(all.Records, message{
			MessageID:     uuid(random),
			ReceiptHandle: base64.StdEncoding.EncodeToString(randomBytes(random, receiptBytes)),
			Body:          string(text),
			Attributes: map[string]string{
				"ApproximateReceiveCount":          "1",
				"SentTimestamp":                    "1789981200000",
				"SenderId":                         "AIDAEXAMPLEHRSYSTEM00",
				"ApproximateFirstReceiveTimestamp": "1789981200125",
			},
			MD5OfBody:      hex.EncodeToString(sum[:]),
			EventSource:    "aws:sqs",
			EventSourceARN: "arn:aws:sqs:us-east-1:123456789012:suspensions",
			AWSRegion:      "us-east-1",
		})
	}
	var err error
	if e.payload, err = json.Marshal(all); err != nil {
		return e, fmt.Errorf("making an event: %w", err)
	}
	return e, nil
}

func uuid(random *rand.Rand) string {
	b := randomBytes(random, 16)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func randomBytes(random *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}
