package request_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"chime-offboarding/internal/request"
)

func TestValidAccountID(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile(`\A[A-Za-z0-9_-]{1,128}\z`)
	ids := []string{"", "acme", "..", "a/b", "é", strings.Repeat("a", 127), strings.Repeat("a", 128), strings.Repeat("a", 129), strings.Repeat("é", 64)}
	for c := range 256 {
		ids = append(ids, string([]byte{byte(c)}), "a"+string([]byte{byte(c)}), string([]byte{byte(c)})+"a")
	}
	for _, id := range ids {
		if got, want := request.ValidAccountID(id), pattern.MatchString(id); got != want {
			t.Errorf("%q: got %t, want %t", id, got, want)
		}
	}
}

func TestValidUserID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"":                          false,
		" ":                         false,
		"\u3000\u00A0":              false,
		"a":                         true,
		"ada lovelace":              true,
		"ada@example.com":           true,
		"../?#%":                    true,
		"\u200B":                    true,
		strings.Repeat("a", 127):    true,
		strings.Repeat("a", 128):    true,
		strings.Repeat("a", 129):    false,
		strings.Repeat("é", 128):    true,
		strings.Repeat("é", 129):    false,
		strings.Repeat("😀", 128):    true,
		strings.Repeat("😀", 129):    false,
		strings.Repeat("\x00", 128): false,
	} {
		if got := request.ValidUserID(id); got != want {
			t.Errorf("%q: got %t, want %t", id, got, want)
		}
	}
	for c := range unicode.MaxRune + 1 {
		control := c <= 0x1F || 0x7F <= c && c <= 0x9F
		if got := request.ValidUserID("a" + string(c) + "b"); got == control {
			t.Errorf("%U inside: got %t, want %t", c, got, !control)
		}
	}
}

func TestAppendBody(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		request request.Request
		userID  string
		want    string
	}{
		"the least":             {of("ada"), "ada", `{"accountId":"acme","userId":"ada"}`},
		"one of several users":  {of("ada", "bob", "cleo"), "bob", `{"accountId":"acme","userId":"bob"}`},
		"all fields":            {request.Request{AccountID: "acme", CorrelationID: "c", RequestedBy: "hr", Reason: "left"}, "ada", `{"accountId":"acme","userId":"ada","correlationId":"c","requestedBy":"hr","reason":"left"}`},
		"only a correlation ID": {request.Request{AccountID: "acme", CorrelationID: "c"}, "ada", `{"accountId":"acme","userId":"ada","correlationId":"c"}`},
		"only a requester":      {request.Request{AccountID: "acme", RequestedBy: "hr"}, "ada", `{"accountId":"acme","userId":"ada","requestedBy":"hr"}`},
		"only a reason":         {request.Request{AccountID: "acme", Reason: "left"}, "ada", `{"accountId":"acme","userId":"ada","reason":"left"}`},
		"quotes and backslashes, also before what looks like an escape": {request.Request{AccountID: "acme", Reason: `"a\b" \ufffe`}, `"\`, `{"accountId":"acme","userId":"\"\\","reason":"\"a\\b\" \\ufffe"}`},
		"control characters":               {request.Request{AccountID: "acme", Reason: "\x00\b\t\n\f\r\x1f"}, "ada", `{"accountId":"acme","userId":"ada","reason":"\u0000\b\t\n\f\r\u001f"}`},
		"noncharacters, which SQS refuses": {request.Request{AccountID: "acme", CorrelationID: "\uFFFF", RequestedBy: "a\uFFFEb\uFFFE"}, "ada\uFFFE\uFFFF", `{"accountId":"acme","userId":"ada\ufffe\uffff","correlationId":"\uffff","requestedBy":"a\ufffeb\ufffe"}`},
		"characters that SQS takes":        {request.Request{AccountID: "acme", Reason: "é\x7f\u0085\u2028\uD7FF\uE000\uFFFD\U0001FFFE\U0010FFFF😀"}, "<&>", `{"accountId":"acme","userId":"<&>","reason":"é` + "\x7f\u0085\u2028\uD7FF\uE000\uFFFD\U0001FFFE\U0010FFFF" + `😀"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff("before"+test.want, string(test.request.AppendBody([]byte("before"), test.userID))); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

// takenBySQS reports whether SQS takes a message with the character
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html).
func takenBySQS(c rune) bool {
	return c == '\t' || c == '\n' || c == '\r' || ' ' <= c && c <= 0xD7FF || 0xE000 <= c && c <= 0xFFFD || 0x10000 <= c && c <= unicode.MaxRune
}

// checkBodies checks that for each user the request's body is one that SQS takes and Parse takes for the same request.
func checkBodies(t interface {
	Helper()
	Errorf(format string, args ...any)
}, r request.Request) {
	t.Helper()
	var p request.Parser
	for _, id := range r.UserIDs {
		body := r.AppendBody(nil, id)
		for i, c := range string(body) {
			if !takenBySQS(c) {
				t.Errorf("body %q has %U at byte %d, which SQS does not take", body, c, i)
			}
		}
		want := r
		want.UserIDs = []string{id}
		got, err := p.Parse(string(body))
		if err != nil {
			t.Errorf("parsing body %q: %v", body, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("request parsed from body %q (-want +got):\n%s", body, diff)
		}
	}
}

// TestEveryRequest draws requests and how they are sent: each arrives as it is, and so does each body made of it.
func TestEveryRequest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		inside := rapid.OneOf(rapid.Rune(), rapid.RuneFrom([]rune(` "\/<&>é😀`+"\u2028\uFFFD\uFFFE\uFFFF")))
		text := rapid.StringOf(rapid.OneOf(inside, rapid.RuneFrom([]rune("\x00\b\t\n\x1f\x7f\u0085"))))
		userID := rapid.Map(rapid.StringOfN(inside, 1, 128, -1), strings.TrimSpace).Filter(request.ValidUserID)
		want := request.Request{
			AccountID:     rapid.StringMatching(`[A-Za-z0-9_-]{1,128}`).Draw(t, "accountId"),
			UserIDs:       rapid.SliceOfNDistinct(userID, 1, request.MaxUsers, rapid.ID).Draw(t, "userIds"),
			CorrelationID: text.Draw(t, "correlationId"),
			RequestedBy:   text.Draw(t, "requestedBy"),
			Reason:        text.Draw(t, "reason"),
		}

		space := rapid.StringOfN(rapid.RuneFrom(nil, unicode.White_Space), 0, 2, -1)
		spaced := make([]string, len(want.UserIDs))
		for i, id := range want.UserIDs {
			spaced[i] = space.Draw(t, "before") + id + space.Draw(t, "after")
		}
		optional := func(text string) any {
			if text == "" && rapid.Bool().Draw(t, "null") {
				return nil
			}
			return text
		}
		body := marshal(t, map[string]any{
			"accountId":     space.Draw(t, "before") + want.AccountID,
			"userIds":       spaced,
			"correlationId": optional(want.CorrelationID),
			"requestedBy":   optional(want.RequestedBy),
			"reason":        optional(want.Reason),
		})
		for range rapid.IntRange(0, 2).Draw(t, "envelopes") {
			if rapid.Bool().Draw(t, "event") {
				id := text.Draw(t, "id")
				body = event(marshal(t, id), body)
				if want.CorrelationID == "" {
					want.CorrelationID = id
				}
			} else {
				body = notification(body)
			}
		}

		var p request.Parser
		got, err := p.Parse(body)
		if err != nil {
			t.Fatalf("parsing %s: %v", body, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("request parsed from %s (-want +got):\n%s", body, diff)
		}
		checkBodies(t, got)
	})
}

func marshal(t *rapid.T, value any) string {
	body, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
