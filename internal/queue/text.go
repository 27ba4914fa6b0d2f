package queue

import (
	"strings"
	"unicode/utf8"
)

// takes reports whether SQS takes the character in a body or an attribute: #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to
// #xFFFD | #x10000 to #x10FFFF
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html).
func takes(r rune) bool {
	return r >= ' ' && r != '\uFFFE' && r != '\uFFFF' || r == '\t' || r == '\n' || r == '\r'
}

// sendable reports whether SQS takes the text as a body.
func sendable(text string) bool {
	return text != "" && utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !takes(r) })
}

// maxAttributeBytes is how long the value of a letter's attribute may be.
const maxAttributeBytes = 1024

// AttributeValue returns the text as the attributes of a letter have it: cleaned, and at most 1,024 bytes long.
func AttributeValue(text string) string { return clean(text, maxAttributeBytes) }

// clean returns the text with U+FFFD for every character that SQS does not take, cut at a character to at most limit bytes.
func clean(text string, limit int) string {
	var cleaned strings.Builder
	for _, r := range text {
		if !takes(r) {
			r = utf8.RuneError
		}
		if cleaned.Len()+utf8.RuneLen(r) > limit {
			break
		}
		cleaned.WriteRune(r)
	}
	return cleaned.String()
}
