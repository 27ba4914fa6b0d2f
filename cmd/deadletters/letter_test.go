package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// shown returns what show prints, without the fields that differ each time, which have to be there.
func (s *stage) shown(args ...string) (lines []map[string]any) {
	s.Helper()
	code, out, err := s.run("show", args...)
	if code != exitDone || err != "" {
		s.Fatalf("show has exit code %d and says %q, want neither", code, err)
	}
	for line := range strings.Lines(out) {
		l := make(map[string]any)
		must(s.T, json.Unmarshal([]byte(line), &l))
		sent, wrong := time.Parse(time.RFC3339, l["sentAt"].(string))
		if !messageID.MatchString(l["messageId"].(string)) || wrong != nil || time.Since(sent) > time.Minute {
			s.Errorf("letter %v was sent at %v", l["messageId"], l["sentAt"])
		}
		delete(l, "messageId")
		delete(l, "sentAt")
		lines = append(lines, l)
	}
	return lines
}

func TestLettersAsShowPrintsThem(t *testing.T) {
	const arn = "arn:aws:sqs:us-east-1:123456789012:requests"
	reason := map[string]any{
		"sourceMessageId": "11111111-1111-4111-8111-111111111111", "sourceQueueArn": arn,
		"receiveCount": 2.0, "failedAt": "2026-02-20T01:02:03Z", "requestId": "request-1",
	}
	with := func(more map[string]any) map[string]any {
		maps.Copy(more, reason)
		return more
	}
	for name, test := range map[string]struct {
		send func(*stage)
		want map[string]any
	}{
		"of a user": {
			func(s *stage) {
				s.letter("NotFound", `{"accountId":"corp","userId":"ada","correlationId":"c-1","reason":"Last day"}`, failedAt)
			},
			with(map[string]any{
				"errorCode": "NotFound", "errorMessage": "It says NotFound.",
				"accountId": "corp", "userIds": []any{"ada"}, "correlationId": "c-1", "body": `{"accountId":"corp","userId":"ada","correlationId":"c-1","reason":"Last day"}`,
			}),
		},
		"of an invalid message": {
			func(s *stage) {
				s.letter("InvalidRequest", " {\"accountId\": \"corp\",\n\t\"<&>\": \"é😀\u2028\"} ", failedAt)
			},
			with(map[string]any{
				"errorCode": "InvalidRequest", "errorMessage": "It says InvalidRequest.", "body": " {\"accountId\": \"corp\",\n\t\"<&>\": \"é😀\u2028\"} ",
			}),
		},
		"that the queue moved": {
			func(s *stage) { s.moved(`{"accountId": "corp", "userIds": ["ada", "alan", "ada"]}`) },
			map[string]any{
				"sourceQueueArn": arn, "accountId": "corp", "userIds": []any{"ada", "alan"}, "body": `{"accountId": "corp", "userIds": ["ada", "alan", "ada"]}`,
			},
		},
		"that somebody has sent": {
			func(s *stage) { s.send(s.deadLetters, "hello") },
			map[string]any{"body": "hello"},
		},
		"with attributes that are none of the worker's": {
			func(s *stage) {
				body, text, number, kind, odd := "odd", "two words", "x", "String", "soon"
				_, err := s.direct.SendMessage(s.ctx, &sqs.SendMessageInput{QueueUrl: &s.deadLetters, MessageBody: &body, MessageAttributes: map[string]types.MessageAttributeValue{
					"ErrorCode": {DataType: &kind, StringValue: &text}, "ReceiveCount": {DataType: &kind, StringValue: &number},
					"FailedAt": {DataType: &kind, StringValue: &odd}, "Another": {DataType: &kind, StringValue: &text},
				}})
				must(s.T, err)
			},
			map[string]any{"errorCode": "two words", "failedAt": "soon", "body": "odd"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			test.send(s)
			if diff := cmp.Diff([]map[string]any{test.want}, s.shown()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestACodeThatIsNoCodeIsNone(t *testing.T) {
	for code, want := range map[string]string{
		"NotFound":  "NotFound",
		"":          none,
		"two words": none,
		"\u009b31m": none,
		"@none":     none,
	} {
		if got := (&letter{ErrorCode: code}).code(); got != want {
			t.Errorf("%q is listed as %q, want %q", code, got, want)
		}
	}
}

func TestAgeCountsFromTheFailureElseFromTheSending(t *testing.T) {
	sent := failedAt.Add(-time.Hour)
	for failed, want := range map[string]time.Time{
		"2026-02-20T01:02:03Z":      failedAt,
		"2026-02-20T02:02:03+01:00": failedAt,
		"":                          sent,
		"yesterday":                 sent,
	} {
		if got := (&letter{FailedAt: failed, SentAt: sent}).since(); !got.Equal(want) {
			t.Errorf("the age of a letter that failed at %q counts from %v, want %v", failed, got, want)
		}
	}
}

// TestBodiesSurvive takes bodies that are nothing like requests through show, discard and redrive.
func TestBodiesSurvive(t *testing.T) {
	t.Parallel()
	bodies := []string{
		"x", "null", `"a string"`, "[]", "{", `{"accountId": 7}`, " \t\r\n", "\u2028\u2029<>&'\"\\", "é😀\ue000\ufffd\U0010ffff", "\u0085\u009b31m",
		strings.Repeat("a long one, ", 20_000), strings.Repeat("\\\"", 100_000),
	}
	slices.Sort(bodies)
	s := newStage(t)
	for _, body := range bodies {
		s.send(s.deadLetters, body)
	}
	var got []string
	for _, l := range s.shown() {
		got = append(got, l["body"].(string))
	}
	slices.Sort(got)
	if !slices.Equal(got, bodies) {
		t.Errorf("show prints %.500q\nwant %.500q", got, bodies)
	}
	if code, _, err := s.run("redrive", "-all", "-yes", "-rate", "1000"); code != exitDone {
		t.Errorf("redrive has exit code %d and says %s", code, err)
	}
	s.expect(nil, bodies)
}
