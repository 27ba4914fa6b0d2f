package request_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"chime-offboarding/internal/request"
)

func FuzzParse(f *testing.F) {
	const largest = 20_000 // bytes of a seed: larger ones only slow the fuzzing down
	var seeds []string
	for _, test := range accepted {
		seeds = append(seeds, test.body)
	}
	for _, test := range refused {
		seeds = append(seeds, test.body)
	}
	slices.Sort(seeds)
	for _, seed := range seeds {
		if len(seed) <= largest {
			f.Add(seed)
		}
	}
	f.Fuzz(func(t *testing.T, body string) {
		if strings.Count(body, "[")+strings.Count(body, "{") > 5_000 {
			t.Skip("so deep that parsers may differ")
		}
		if quick, same := request.IsPlain(body); quick && !same {
			t.Error("the quick way makes something else of it")
		}
		var p request.Parser
		got, err := p.Parse(body)
		want, valid := oracle(body)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("request (-want +got), with error %v:\n%s", err, diff)
		}
		if valid != (err == nil) {
			t.Errorf("got error %v, want valid to be %t", err, valid)
		}
		if e := new(request.Error); err != nil && (!errors.As(err, &e) || e.Problem == "") {
			t.Errorf("got error %#v, want an *Error with a problem", err)
		}
		checkBodies(t, got)
	})
}

func FuzzAppendBody(f *testing.F) {
	f.Add("acme", "ada", "", "", "")
	f.Add("a-Z_9", "ada lovelace", "c", "hr", "left")
	f.Add("acme", `"\/<&>`, "\x00\b\t\n\f\r\x1f\x7f", "\u0085\u2028\u2029\uFEFF", `\ufffe\\ufffe"`)
	f.Add("acme", "é😀\uFFFE\uFFFF\uFFFD", "\uFFFE", "\uFFFF", "\uD7FF\uE000\U0001FFFE\U0010FFFF")
	f.Fuzz(func(t *testing.T, accountID, userID, correlationID, requestedBy, reason string) {
		userID = strings.TrimSpace(userID)
		texts := strings.Join([]string{userID, correlationID, requestedBy, reason}, " ")
		if !request.ValidAccountID(accountID) || !request.ValidUserID(userID) || !utf8.ValidString(texts) {
			t.Skip("not what Parse returns")
		}
		checkBodies(t, request.Request{AccountID: accountID, UserIDs: []string{userID}, CorrelationID: correlationID, RequestedBy: requestedBy, Reason: reason})
	})
}

// oracle says, slowly, what a body asks for, and whether it is valid. It reads everything first and judges then.
func oracle(body string) (request.Request, bool) {
	o, ok := decode(body)
	if !ok {
		return request.Request{}, false
	}
	return open(o, 2)
}

// open takes the request out of its envelopes, of which there may be so many.
func open(o map[string]any, envelopes int) (request.Request, bool) {
	is := func(name string) bool { _, is := o[name].(string); return is }
	detail, hasDetail := o["detail"].(map[string]any)
	var r request.Request
	var ok bool
	switch {
	case o["accountId"] != nil || o["userId"] != nil || o["userIds"] != nil:
		return judge(o)
	case envelopes == 0:
	case is("detail-type") && is("source") && hasDetail:
		r, ok = open(detail, envelopes-1)
		if ok && r.CorrelationID == "" && is("id") {
			r.CorrelationID = o["id"].(string)
		}
	case o["Type"] == "Notification" && is("Message"):
		var message map[string]any
		if message, ok = decode(o["Message"].(string)); ok {
			r, ok = open(message, envelopes-1)
		}
	}
	return r, ok
}

// judge goes through all that a request may get wrong.
func judge(o map[string]any) (request.Request, bool) {
	valid := true
	for name := range o {
		valid = valid && slices.Contains([]string{"accountId", "userId", "userIds", "correlationId", "requestedBy", "reason"}, name)
	}
	text := func(value any) string {
		s, ok := value.(string)
		valid = valid && ok
		return s
	}
	optional := func(name string) string {
		if o[name] == nil {
			return ""
		}
		return text(o[name])
	}
	list, isList := o["userIds"].([]any)
	valid = valid && (o["userId"] == nil) != (o["userIds"] == nil) && (o["userIds"] == nil || isList)
	if o["userId"] != nil {
		list = []any{o["userId"]}
	}
	valid = valid && 1 <= len(list) && len(list) <= 50

	r := request.Request{
		AccountID:     strings.TrimFunc(text(o["accountId"]), unicode.IsSpace),
		CorrelationID: optional("correlationId"),
		RequestedBy:   optional("requestedBy"),
		Reason:        optional("reason"),
	}
	valid = valid && regexp.MustCompile(`\A[-\w]{1,128}\z`).MatchString(r.AccountID)
	for _, element := range list {
		id := strings.TrimFunc(text(element), unicode.IsSpace)
		valid = valid && regexp.MustCompile(`\A[^\p{Cc}]{1,128}\z`).MatchString(id)
		if !slices.Contains(r.UserIDs, id) {
			r.UserIDs = append(r.UserIDs, id)
		}
	}
	if !valid {
		return request.Request{}, false
	}
	return r, true
}

// decode reads a text that has to be one object, in JSON as RFC 8259 wants it and with each name once.
func decode(text string) (map[string]any, bool) {
	if !utf8.ValidString(text) || !json.Valid([]byte(text)) || loneSurrogate(text) || !unique(json.NewDecoder(strings.NewReader(text))) {
		return nil, false
	}
	var value any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		return nil, false
	}
	o, ok := value.(map[string]any)
	return o, ok
}

// unique reports whether the names of the next value are different in each object.
func unique(d *json.Decoder) bool {
	d.UseNumber()
	start, _ := d.Token() // The text is known to be valid.
	if start != json.Delim('{') && start != json.Delim('[') {
		return true
	}
	names := make(map[json.Token]bool)
	for d.More() {
		if start == json.Delim('{') {
			name, _ := d.Token()
			if names[name] {
				return false
			}
			names[name] = true
		}
		if !unique(d) {
			return false
		}
	}
	_, _ = d.Token() // the end
	return true
}

var (
	escapes   = regexp.MustCompile(`\\(u[0-9a-fA-F]{4}|[^u])`)
	pair      = regexp.MustCompile(`(?i)^\\ud[89ab]..\\ud[c-f]..`)
	surrogate = regexp.MustCompile(`(?i)^\\ud[89a-f]`)
)

// loneSurrogate reports whether a valid JSON text has an escape that is half a character.
func loneSurrogate(text string) bool {
	for {
		next := escapes.FindStringIndex(text)
		if next == nil {
			return false
		}
		text = text[next[0]:]
		switch {
		case pair.MatchString(text):
			text = text[len(`\ud83d\ude00`):]
		case surrogate.MatchString(text):
			return true
		default:
			text = text[next[1]-next[0]:]
		}
	}
}
