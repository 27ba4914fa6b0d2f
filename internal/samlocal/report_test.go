package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"chime-offboarding/internal/local/world"
)

func TestReport(t *testing.T) {
	var out strings.Builder
	ended := result{
		Ending: world.Ending{HandedBack: []int{3}, Suspended: map[string][]string{"b": {"x"}, "a": {"y", "z"}}, Calls: 2},
		Letters: []world.Letter{
			{Message: 0, ErrorCode: "InvalidRequest", ErrorMessage: "The body is not valid JSON, and so long is the reason for it."},
			{Message: 1, ErrorCode: "NotFound", ErrorMessage: "No such user."},
		},
	}
	ended.Letters[1].User.AccountID, ended.Letters[1].User.UserID = "a", "u"
	if !(report{&out}).story(story{file: "event.json"}, []byte(`{"batchItemFailures": []}`), ended) {
		t.Error("an event without an ending ends otherwise")
	}
	const want = `
event.json: 2 calls
  answer {"batchItemFailures": []}
┌─────────────┬──────┬─────────────┬──────────────────────────────────────────────────────┐
│ Account     │ User │ Outcome     │ Reason                                               │
├─────────────┼──────┼─────────────┼──────────────────────────────────────────────────────┤
│ a           │ y    │ suspended   │                                                      │
│ a           │ z    │ suspended   │                                                      │
│ b           │ x    │ suspended   │                                                      │
│ (message 0) │      │ dead letter │ InvalidRequest: The body is not valid JSON, and so   │
│             │      │             │ long is the reason for it.                           │
│ a           │ u    │ dead letter │ NotFound: No such user.                              │
│ (message 3) │      │ handed back │                                                      │
└─────────────┴──────┴─────────────┴──────────────────────────────────────────────────────┘
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("printed (-want +got):\n%s", diff)
	}
}

func TestReportFitsATerminal(t *testing.T) {
	var out strings.Builder
	ended := result{Letters: []world.Letter{{ErrorCode: "VoiceConnectorGroupAssociationsExist", ErrorMessage: strings.Repeat("because ", 30)}}}
	ended.Letters[0].User.AccountID, ended.Letters[0].User.UserID = "acme-contractors", "connector-group-associated"
	report{&out}.users(ended)
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 120 {
			t.Errorf("a line has %d columns: %s", n, line)
		}
	}
}
