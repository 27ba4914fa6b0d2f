package main

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// lines are what the worker writes about an event: users by outcome and code, and the metrics.
func lines(received, calls, returned int, users ...string) []string {
	var lines []string
	for i, user := range users {
		outcome, code, _ := strings.Cut(user, " ")
		lines = append(lines, fmt.Sprintf(`{"level":"INFO","requestId":"7018011d-x","accountId":"acme","userId":"u%d","outcome":%q,"errorCode":%q}`, i, outcome, code))
	}
	return append(lines, fmt.Sprintf(`{"level":"INFO","requestId":"7018011d-x","_aws":{},"MessagesReceived":%d,"ChimeCalls":%d,"MessagesReturned":%d}`, received, calls, returned))
}

func TestReport(t *testing.T) {
	const invalid = `{"level":"WARN","message":"invalid request","requestId":"7018011d-x","messageId":"m1","errorCode":"InvalidRequest","field":"","deadLettered":%t}`
	for name, test := range map[string]struct {
		lines []string
		want  string
	}{
		"one of each": {
			lines(1, 1, 1, "suspended", "deadLettered NotFound", "returned Conflict"),
			"  event 7018011d  1 message, 1 call: 1 suspended, 1 dead letter (NotFound), 1 message handed back (Conflict)\n",
		},
		"several": {
			lines(3, 2, 2, "suspended", "suspended", "returned Conflict", "returned Throttled", "returned Throttled"),
			"  event 7018011d  3 messages, 2 calls: 2 suspended, 2 messages handed back (Throttled 2, Conflict)\n",
		},
		"more codes than fit": {
			lines(2, 0, 0, "deadLettered Forbidden", "deadLettered AccessDenied", "deadLettered Unknown", "deadLettered NotFound", "deadLettered NotFound", "deadLettered BadRequest"),
			"  event 7018011d  2 messages, 0 calls: 6 dead letters (NotFound 2, AccessDenied, BadRequest, +2 more)\n",
		},
		"more than a terminal's line": {
			lines(10, 7, 1, "suspended", "deadLettered PhoneNumberAssociationsExist", "deadLettered ResourceLimitExceeded", "returned ServiceUnavailable", "returned ServiceFailure"),
			"  event 7018011d  10 messages, 7 calls: 1 suspended,\n" +
				"                  2 dead letters (PhoneNumberAssociationsExist, ResourceLimitExceeded),\n" +
				"                  1 message handed back (ServiceFailure, ServiceUnavailable)\n",
		},
		"invalid messages": {
			append([]string{fmt.Sprintf(invalid, true), fmt.Sprintf(invalid, true), fmt.Sprintf(invalid, false)}, lines(3, 0, 1)...),
			"  event 7018011d  3 messages, 0 calls: 2 dead letters (InvalidRequest 2), 1 message handed back (InvalidRequest)\n",
		},
		"what is wrong with the worker": {
			[]string{
				`{"level":"ERROR","message":"settings refused","error":"A is not set\nB is not set"}`,
				`{"level":"WARN","message":"BatchSuspendUser failed"}`,
				`panic: out of luck`,
			},
			"  worker: settings refused: A is not set; B is not set\n  worker: panic: out of luck\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out, log strings.Builder
			r := newReport(&out, &log, true, false)
			for _, line := range test.lines {
				if n, err := r.Write([]byte(line + "\n")); n != len(line)+1 || err != nil {
					t.Errorf("writing %q: %d, %v", line, n, err)
				}
			}
			if diff := cmp.Diff(test.want, out.String()); diff != "" {
				t.Errorf("printed (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(strings.Join(test.lines, "\n")+"\n", log.String()); diff != "" {
				t.Errorf("logged (-want +got):\n%s", diff)
			}
			if len(r.events) > 0 {
				t.Errorf("the event is over, and still there: %v", r.events)
			}
		})
	}
}

func TestReportFitsATerminal(t *testing.T) {
	var out strings.Builder
	r := newReport(&out, &out, true, false)
	many := total{account: "acme-enterprise", asked: 123_456, suspended: 123_444, deadLetters: 12, codes: map[string]int{
		"AccessDenied": 3, "PhoneNumberAssociationsExist": 1, "PreconditionFailed": 2, "ResourceLimitExceeded": 1,
		"VoiceConnectorGroupAssociationsExist": 5,
	}}
	r.table([]total{many, {asked: 1}}, many, map[string]int{"acme-enterprise": 2470})
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 120 {
			t.Errorf("a line has %d columns: %s", n, line)
		}
	}
	rows := readTable(out.String())
	want := map[string]string{
		"acme-enterprise":    "123456 123444 12 VoiceConnectorGroupAssociationsExist 5, AccessDenied 3, PreconditionFailed 2, PhoneNumberAssociationsExist, ResourceLimitExceeded",
		"(invalid messages)": "1 0 0",
		"All":                "123456 123444 12",
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("the table (-want +got):\n%s", diff)
	}
}
