package queue

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCharactersThatSQSTakes(t *testing.T) {
	for text, want := range map[string]bool{
		"":       false,
		"a":      true,
		"\x00":   false,
		"\x08":   false,
		"\t\n":   true,
		"\x0b":   false,
		"\x0c":   false,
		"\r":     true,
		"\x0e":   false,
		"\x1f":   false,
		" ":      true,
		"\x7f":   true,
		"\u0085": true,
		"\ud7ff": true,
		"\ue000": true,
		"\ufffd": true,
		"\ufffe": false,
		"\uffff": false,

		"\U00010000":   true,
		"\U0001ffff":   true,
		"\U0010ffff":   true,
		"\xff":         false,
		"caf\xc3":      false,
		"\xed\xa0\x80": false, // A surrogate.
		"fine but\x01": false,
	} {
		if got := sendable(text); got != want {
			t.Errorf("sendable(%+q) is %v, want %v", text, got, want)
		}
	}
}

func TestAttributeValues(t *testing.T) {
	for text, want := range map[string]string{
		"":                  "",
		"seven b":           "seven b",
		"eight by":          "eight by",
		"nine byte":         "nine byt",
		"1234567é":          "1234567",
		"123456é":           "123456é",
		"12345€":            "12345€",
		"123456€":           "123456",
		"1234😀":             "1234😀",
		"12345😀":            "12345",
		"é€😀":               "é€",
		"a\x00b":            "a\ufffdb",
		"\ufffe\uffff":      "\ufffd\ufffd",
		"\x01\x02\x03":      "\ufffd\ufffd",
		"a\xffb":            "a\ufffdb",
		"caf\xc3":           "caf\ufffd",
		"tab\tand\n":        "tab\tand\n",
		"123456\x01 no gap": "123456",
	} {
		long := strings.Repeat("a", maxAttributeBytes-8)
		if got := AttributeValue(long + text); got != long+want {
			t.Errorf("%+q behind %d bytes becomes %+q, want %+q", text, len(long), got[len(long):], want)
		}
	}
}

// FuzzAttributeValue compares with SQS's own list of characters
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html).
func FuzzAttributeValue(f *testing.F) {
	refused := regexp.MustCompile(`[^\x{9}\x{A}\x{D}\x{20}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}]`)
	f.Add("plain", uint16(0))
	f.Add("caf\xc3 \x00\ufffe😀é", uint16(1010))
	f.Add(strings.Repeat("é", 600), uint16(1))
	f.Add("\t\n\r\x0b \x7f\u0080\ud7ff\ue000\ufffd\uffff\U0001ffff\U0010ffff\xed\xa0\x80", uint16(1000))
	f.Fuzz(func(t *testing.T, text string, before uint16) {
		text = strings.Repeat("a", int(before)%maxAttributeBytes) + text
		unicode := string([]rune(text)) // with U+FFFD for what is no character
		if got, want := sendable(text), text != "" && text == unicode && !refused.MatchString(text); got != want {
			t.Errorf("sendable(%+q) is %v, want %v", text, got, want)
		}
		want := refused.ReplaceAllString(unicode, "\ufffd")
		for len(want) > maxAttributeBytes {
			_, last := utf8.DecodeLastRuneInString(want)
			want = want[:len(want)-last]
		}
		if got := AttributeValue(text); got != want {
			t.Errorf("%+q becomes %+q, want %+q", text, got, want)
		}
	})
}
