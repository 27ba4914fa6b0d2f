package queueserver

import "strings"

// Messages: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html and
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html.
const (
	maxMessageBytes      = 1 << 20 // Of one message, and of all messages of a batch: bodies and attributes' names, types and values.
	maxBatchEntries      = 10
	maxEntryID           = 80 // Characters.
	maxMessageAttributes = 10
	maxAttributeName     = 256 // Characters.
	maxAttributeType     = 256 // Characters.
	maxGroupID           = 128 // Characters.
	maxReceivedMessages  = 10
	maxDelay             = 900   // Seconds.
	maxVisibilityTimeout = 43200 // Seconds, from the receive on.
	maxWait              = 20    // Seconds.
)

// Queues: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html,
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html and
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html.
const (
	maxQueueName       = 80 // Characters.
	maxMaxReceiveCount = 1000
	maxInFlight        = 120_000
	maxListedQueues    = 1000
	purgeInterval      = 60 // Seconds, between purges of a queue.
	queueNameRelease   = 60 // Seconds, from a queue's deletion until its name can be used again.
)

// maxRequestBytes leaves room for JSON that writes each byte of the longest message as an escape of six.
const maxRequestBytes = 8 << 20

// allowedCharacters names the characters of messages as SQS's documentation does.
const allowedCharacters = "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"

// within says whether n is one of low to high.
func within(low, n, high int) bool {
	return low <= n && n <= high
}

// nameLike says whether name has 1 to longest characters, each an ASCII letter, a digit or one of others.
func nameLike(name string, longest int, others string) bool {
	return within(1, len(name), longest) && !strings.ContainsFunc(name, func(c rune) bool {
		alphanumeric := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		return !alphanumeric && !strings.ContainsRune(others, c)
	})
}

// allowedText says whether all characters of text are allowed in messages. Surrogates are not, but no Go string that
// came out of JSON has any.
func allowedText(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool {
		return c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0xFFFE || c == 0xFFFF
	})
}
