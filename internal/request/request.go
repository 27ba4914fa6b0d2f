// Package request holds what a message of the queue asks for: which users of which Amazon Chime account to suspend.
//
// A message body is a request, an Amazon EventBridge event whose detail is a request, or an Amazon SNS notification whose
// message is one. A body is valid as a whole or not at all.
package request

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// MaxUsers is how many user IDs a request may have, counted as they stand. It is what one BatchSuspendUser call
	// takes (https://docs.aws.amazon.com/chime/latest/APIReference/API_BatchSuspendUser.html), so that a message is
	// never more than one call.
	MaxUsers = 50

	// maxIDLength is the longest account or user ID let through, in characters. Chime documents no limit; its own IDs
	// are UUIDs of 36.
	maxIDLength = 128
)

// Request asks for users of one account to be suspended.
type Request struct {
	AccountID     string
	UserIDs       []string // 1 to MaxUsers, each once, in the order of the message
	CorrelationID string   // empty where neither the request nor an event around it gave one
	RequestedBy   string   // empty where absent
	Reason        string   // empty where absent
}

// ValidAccountID reports whether a request may name the account: 1 to 128 of A-Z a-z 0-9 - _. The ID becomes a segment of
// the URL that is called, so nothing that means something in a path is let through.
func ValidAccountID(id string) bool {
	if id == "" || len(id) > maxIDLength {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// ValidUserID reports whether a request may name the user: up to 128 characters, not blank, without control characters.
func ValidUserID(id string) bool {
	return strings.TrimSpace(id) != "" && utf8.RuneCountInString(id) <= maxIDLength && !strings.ContainsFunc(id, unicode.IsControl)
}

// AppendBody appends the message body that asks again for just the one user. Parse takes it for the same request, with
// that user alone. Every character that Amazon SQS does not take is escaped.
func (r *Request) AppendBody(dst []byte, userID string) []byte {
	dst = appendMember(append(dst, '{'), "accountId", r.AccountID)
	dst = appendMember(append(dst, ','), "userId", userID)
	for _, optional := range []struct{ name, value string }{
		{"correlationId", r.CorrelationID},
		{"requestedBy", r.RequestedBy},
		{"reason", r.Reason},
	} {
		if optional.value != "" {
			dst = appendMember(append(dst, ','), optional.name, optional.value)
		}
	}
	return append(dst, '}')
}

// appendMember appends "name":"value". JSON escapes the control characters itself; of the rest, SQS refuses U+FFFE and
// U+FFFF (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html).
func appendMember(dst []byte, name, value string) []byte {
	dst = append(dst, '"')
	dst = append(dst, name...)
	dst = append(dst, '"', ':')
	start := len(dst)
	dst, _ = jsontext.AppendQuote(dst, value) // A value that was parsed is valid UTF-8.
	if !strings.Contains(value, "\uFFFE") && !strings.Contains(value, "\uFFFF") {
		return dst
	}
	return append(dst[:start], noncharacters.Replace(string(dst[start:]))...)
}

var noncharacters = strings.NewReplacer("\uFFFE", `\ufffe`, "\uFFFF", `\uffff`)
