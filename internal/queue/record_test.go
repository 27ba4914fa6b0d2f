package queue

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// event is one of the Lambda developer guide with three messages of different shapes.
const event = `{
  "Records": [
    {
      "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
      "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
      "body": "{\"accountId\": \"corp\", \"userId\": \"ada\", \"reason\": \"a\/b \\\"left\\\" caf\u00e9 \ud83d\ude00 <&>\"}\r\n",
      "attributes": {
        "ApproximateReceiveCount": "3",
        "SentTimestamp": "1545082649183",
        "SenderId": "AIDAIENQZJOLO23YVJ4VO",
        "ApproximateFirstReceiveTimestamp": "1545082649185"
      },
      "messageAttributes": {
        "body": {"stringValue": "not this", "stringListValues": [], "binaryListValues": [], "dataType": "String"}
      },
      "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
      "eventSource": "aws:sqs",
      "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:my-queue",
      "awsRegion": "us-east-2"
    },
    {
      "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:my-\u0071ueue",
      "eventSource": "aws:sqs",
      "\u0062ody": "",
      "receiptHandle": "AQEBzWwaftRI0KuVm4tP+/7q1rGgNqicHq...",
      "messageId": "2e1424d4-f796-459a-8184-9c92662be6da",
      "new": [{"body": 1}, null, true, 1e400]
    },
    {"messageId": "last", "body": "Tempête \u2028 \ud800", "eventSource": "aws:sqs", "attributes": {"ApproximateReceiveCount": "12"}}
  ],
  "later": {"Records": null}
}
`

func TestDecodeEvent(t *testing.T) {
	const queueARN = "arn:aws:sqs:us-east-2:123456789012:my-queue"
	want := []Record{
		{
			MessageID:     "059f36b4-87a3-44ab-83d2-661975830a7d",
			ReceiptHandle: "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
			Body:          `{"accountId": "corp", "userId": "ada", "reason": "a/b \"left\" café 😀 <&>"}` + "\r\n",
			SourceARN:     queueARN,
			ReceiveCount:  3,
		},
		{
			MessageID:     "2e1424d4-f796-459a-8184-9c92662be6da",
			ReceiptHandle: "AQEBzWwaftRI0KuVm4tP+/7q1rGgNqicHq...",
			SourceARN:     queueARN,
			ReceiveCount:  1,
		},
		{MessageID: "last", Body: "Tempête \u2028 \xff", ReceiveCount: 12},
	}
	got, err := DecodeEvent([]byte(event))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestWhatIsNotUnicodeStaysSo: it is for the reader of a body to refuse, and no other text is to be taken for it.
func TestWhatIsNotUnicodeStaysSo(t *testing.T) {
	for quoted, want := range map[string]string{
		"a\xff":            "a\xff",
		"a\xff\\n":         "a\xff\n",
		`\ud800`:           "\xff",
		`a\ud83d b \u00e9`: "a\xff b é",
		`\ude00\ud83d`:     "\xff\xff",
		`\ufffd`:           "\ufffd",
		"\ufffd":           "\ufffd",
	} {
		records, err := DecodeEvent([]byte(`{"Records": [{"messageId": "1", "body": "` + quoted + `", "eventSource": "aws:sqs"}]}`))
		if err != nil || len(records) != 1 || records[0].Body != want {
			t.Errorf("%+q: got %+v and error %v, want %+q", quoted, records, err, want)
		}
	}
}

func TestEventsWithoutRecords(t *testing.T) {
	for _, payload := range []string{`{"Records": []}`, ` {"a": {"Records": [{}]}, "Records": [ ], "b": null} `} {
		if records, err := DecodeEvent([]byte(payload)); err != nil || len(records) != 0 {
			t.Errorf("%s: got %v and error %v, want neither", payload, records, err)
		}
	}
}

func TestOfEqualNamesTheLastCounts(t *testing.T) {
	records, err := DecodeEvent([]byte(`{"Records": [{"messageId": "0", "body": "a", "eventSource": "aws:sqs"}], "Records": [{"body": "a", "body": "b", "messageId": "1", "eventSource": "aws:sqs"}]}`))
	if diff := cmp.Diff([]Record{{MessageID: "1", Body: "b", ReceiveCount: 1}}, records); err != nil || diff != "" {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
}

func TestABodyLikeTheARN(t *testing.T) {
	for way, decode := range bothWays {
		records, err := decode([]byte(`{"Records": [{"eventSourceARN": "arn", "body": "arn", "messageId": "1", "eventSource": "aws:sqs"}]}`))
		if diff := cmp.Diff([]Record{{MessageID: "1", Body: "arn", SourceARN: "arn", ReceiveCount: 1}}, records); err != nil || diff != "" {
			t.Errorf("the %s way: error %v (-want +got):\n%s", way, err, diff)
		}
	}
}

func TestWhatIsNotNeededIsSkipped(t *testing.T) {
	const record = `{"n": 1, "region": "body", "messageId": "1", "md5": "messageId", "body": "b", "eventSource": "aws:sqs", "attributes": {"a": "ApproximateReceiveCount", "b": "5"}}`
	records, err := DecodeEvent([]byte(`{"a": "Records", "Records": [` + record + `], "n": 1}`))
	if diff := cmp.Diff([]Record{{MessageID: "1", Body: "b", ReceiveCount: 1}}, records); err != nil || diff != "" {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
}

// bothWays lead to the same records of a plain event.
var bothWays = map[string]func(payload []byte) ([]Record, error){"quick": DecodeEvent, "other": decode}

func TestManyRecordsTakeFewAllocations(t *testing.T) {
	payload := []byte(`{"Records":[` + strings.Repeat(`{"messageId":"1","receiptHandle":"r","body":"b","eventSource":"aws:sqs"},`, 999) + `{"messageId":"1","body":"b","eventSource":"aws:sqs"}]}`)
	for way, decode := range bothWays {
		if n := testing.AllocsPerRun(5, func() { _, _ = decode(payload) }); n > 100 {
			t.Errorf("%v allocations for 1,000 records, the %s way", n, way)
		}
	}
}

func TestManyRecordsKeepTheirOrder(t *testing.T) {
	const n = 10_000
	var payload strings.Builder
	payload.WriteString(`{"Records":[`)
	for i := range n {
		if i > 0 {
			payload.WriteByte(',')
		}
		fmt.Fprintf(&payload, `{"messageId": "%d", "body": "\"%d", "eventSource": "aws:sqs"}`, i, i)
	}
	payload.WriteString(`]}`)
	for way, decode := range bothWays {
		records, err := decode([]byte(payload.String()))
		if err != nil || len(records) != n {
			t.Fatalf("got %d records the %s way and error %v, want %d", len(records), way, err, n)
		}
		for i, r := range records {
			if id := strconv.Itoa(i); r.MessageID != id || r.Body != `"`+id {
				t.Fatalf("record %d is %+v, the %s way", i, r, way)
			}
		}
	}
}

func TestReceiveCounts(t *testing.T) {
	for attributes, want := range map[string]int{
		`{"ApproximateReceiveCount": "1"}`:                        1,
		`{"ApproximateReceiveCount": "5", "SenderId": "x"}`:       5,
		`{"SenderId": "x", "ApproximateReceiveCount": "\u0036"}`:  6,
		`{"ApproximateReceiveCount": "1000"}`:                     1000,
		`{"ApproximateReceiveCount": "0"}`:                        0,
		`{}`:                                                      1,
		`{"approximateReceiveCount": "5"}`:                        1,
		`{"nested": {"ApproximateReceiveCount": "5"}}`:            1,
		`{"ApproximateReceiveCount": ""}`:                         1,
		`{"ApproximateReceiveCount": "many"}`:                     1,
		`{"ApproximateReceiveCount": "5.0"}`:                      1,
		`{"ApproximateReceiveCount": "99999999999999999999"}`:     1,
		`{"ApproximateReceiveCount": 5}`:                          1,
		`{"ApproximateReceiveCount": null}`:                       1,
		`{"ApproximateReceiveCount": {"deep": [5]}, "a": [1, 2]}`: 1,
		`null`: 1,
		`"5"`:  1,
		`[5]`:  1,
	} {
		payload := `{"Records": [{"attributes": ` + attributes + `, "messageId": "1", "body": "b", "eventSource": "aws:sqs"}]}`
		records, err := DecodeEvent([]byte(payload))
		if diff := cmp.Diff([]Record{{MessageID: "1", Body: "b", ReceiveCount: want}}, records); err != nil || diff != "" {
			t.Errorf("%s: error %v (-want +got):\n%s", attributes, err, diff)
		}
	}
}

func TestEventsThatAreRefused(t *testing.T) {
	const good = `{"messageId": "0", "body": "b", "eventSource": "aws:sqs"}`
	for payload, want := range map[string]string{
		`null`:                           `it is not a JSON object`,
		`[]`:                             `it is not a JSON object`,
		`"Records"`:                      `it is not a JSON object`,
		`[{"Records": []}]`:              `it is not a JSON object`,
		`{}`:                             `it has no array "Records"`,
		`{"records": []}`:                `it has no array "Records"`,
		`{"Records": null}`:              `it has no array "Records"`,
		`{"Records": {}}`:                `it has no array "Records"`,
		`{"Records": "[]"}`:              `it has no array "Records"`,
		`{"detail": {"Records": []}}`:    `it has no array "Records"`,
		`{"Records": []} {}`:             `something follows the event`,
		`{"Records": []},`:               `something follows the event`,
		`{"Records": [null]}`:            `record 0: it is not a JSON object`,
		`{"Records": ["x"]}`:             `record 0: it is not a JSON object`,
		`{"Records": [` + good + `,[]]}`: `record 1: it is not a JSON object`,
		`{"Records": [{}]}`:              `record 0: its "eventSource" is "" instead of "aws:sqs"`,

		`{"Records": [` + good + `, {"messageId": "1", "body": "b"}]}`:                    `record 1: its "eventSource" is "" instead of "aws:sqs"`,
		`{"Records": [{"messageId": "1", "body": "b", "eventSource": "aws:kinesis"}]}`:    `record 0: its "eventSource" is "aws:kinesis" instead of "aws:sqs"`,
		`{"Records": [{"messageId": "1", "body": "b", "EventSource": "aws:sqs"}]}`:        `record 0: its "eventSource" is "" instead of "aws:sqs"`,
		`{"Records": [{"messageId": "1", "body": "b", "eventSource": ["aws:sqs"]}]}`:      `record 0: its "eventSource" is "" instead of "aws:sqs"`,
		`{"Records": [{"body": "b", "eventSource": "aws:sqs"}]}`:                          `record 0: it has no "messageId"`,
		`{"Records": [{"messageId": "", "body": "b", "eventSource": "aws:sqs"}]}`:         `record 0: it has no "messageId"`,
		`{"Records": [{"messageId": null, "body": "b", "eventSource": "aws:sqs"}]}`:       `record 0: it has no "messageId"`,
		`{"Records": [{"messageId": 1, "body": "b", "eventSource": "aws:sqs"}]}`:          `record 0: it has no "messageId"`,
		`{"Records": [{"MessageId": "1", "body": "b", "eventSource": "aws:sqs"}]}`:        `record 0: it has no "messageId"`,
		`{"Records": [{"messageId": "1", "eventSource": "aws:sqs"}]}`:                     `record 0: its "body" is not a string`,
		`{"Records": [{"messageId": "1", "body": null, "eventSource": "aws:sqs"}]}`:       `record 0: its "body" is not a string`,
		`{"Records": [{"messageId": "1", "body": {"a": "b"}, "eventSource": "aws:sqs"}]}`: `record 0: its "body" is not a string`,
		`{"Records": [{"messageId": "1", "Body": "b", "eventSource": "aws:sqs"}]}`:        `record 0: its "body" is not a string`,
		`{"Records": [{"messageId": "1", "body": "b", "eventSource": "aws:sqs",
			"eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:q.fifo"}]}`: `record 0: arn:aws:sqs:us-east-2:123456789012:q.fifo is a FIFO queue, where the first failure would have to end the batch`,
	} {
		records, err := DecodeEvent([]byte(payload))
		want = "this is not an event of a standard SQS queue: " + want + ": check the function's event source mapping"
		if err == nil || err.Error() != want || records != nil {
			t.Errorf("%s:\ngot  %v, %v\nwant %s", payload, records, err, want)
		}
	}
}

func TestEventsThatAreNotJSON(t *testing.T) {
	for _, payload := range []string{
		``, ` `, `Records`, `{`, `{"Records"`, `{"Records": `, `{"Records": [`, `{"Records": []`, `{"Records": [}`, `{"Records": [}]`, `{Records: []}`, `{"Records": [],}`,
		`{"Records": [{`, `{"Records": [{]}`, `{"Records": [{"body": ]}`, `{"Records": [{"body": "b}]}`, `{"Records": [{"attributes": {]}`, `{"Records": [{"attributes": [}}]}`,
		`{"Records": [{"attributes": {"ApproximateReceiveCount": "1}}]}`, `{"Records": [{"attributes": {"ApproximateReceiveCount" "1"}}]}`,
		`{"Records": [{"attributes": {"SenderId": tru}}]}`, `{"Records": [{"new": tru}]}`, `{"other": tru}`, `{"Records": tru}`,
	} {
		records, err := DecodeEvent([]byte(payload))
		if err == nil || !strings.HasPrefix(err.Error(), "this is not an event of a standard SQS queue: ") || records != nil {
			t.Errorf("%s: got %v and error %v", payload, records, err)
		}
	}
}

// FuzzDecodeEvent compares with what aws-lambda-go's type has of the same event.
func FuzzDecodeEvent(f *testing.F) {
	f.Add([]byte(event))
	for payload := range plainEvents {
		f.Add([]byte(payload))
	}
	f.Add([]byte(`{"Records": []}`))
	f.Add([]byte(`{"Records": null}`))
	f.Add([]byte(`{"Records": [{"messageId": "1", "body": "", "eventSource": "aws:kinesis"}, {"messageId": "1", "eventSource": "aws:sqs"}]}`))
	f.Add([]byte(`{"Records": [{"messageId": "\ud800", "body": "\u0000\\\ufffe", "eventSource": "aws:sqs", "attributes": {"ApproximateReceiveCount": "2"}}]}`))
	f.Add([]byte("{\"Records\": [{\"messageId\": \"1\", \"body\": \"\xff\\n\", \"eventSource\": \"aws:sqs\", \"eventSourceARN\": \"a.fifo\"}]} "))
	f.Fuzz(func(t *testing.T, payload []byte) {
		before := slices.Clone(payload)
		records, err := DecodeEvent(payload)
		if !slices.Equal(payload, before) {
			t.Fatal("the payload was changed")
		}
		if quick, ok := decodePlain(payload); ok {
			if slow, err := decode(payload); err != nil || !slices.Equal(quick, slow) {
				t.Errorf("with error %v (-slow +quick):\n%s", err, cmp.Diff(slow, quick))
			}
		}
		var reference events.SQSEvent
		if refused := json.Unmarshal(payload, &reference); refused != nil {
			return // Duplicate names, invalid UTF-8 or a type in a field that DecodeEvent skips.
		}
		possibly, certainly := isStandard(reference)
		if err != nil && certainly || err == nil && !possibly {
			t.Errorf("got error %v for %+v", err, reference)
		}
		if err != nil {
			return
		}
		want := make([]Record, len(reference.Records))
		for i, m := range reference.Records {
			count, notANumber := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
			if notANumber != nil {
				count = 1
			}
			want[i] = Record{MessageID: m.MessageId, ReceiptHandle: m.ReceiptHandle, Body: m.Body, SourceARN: m.EventSourceARN, ReceiveCount: count}
		}
		if !slices.Equal(records, want) {
			t.Errorf("(-want +got):\n%s", cmp.Diff(want, records))
		}
	})
}

// isStandard reports whether an event may be one of a standard queue, and whether it certainly is: the type does not tell an
// empty body from none.
func isStandard(event events.SQSEvent) (possibly, certainly bool) {
	possibly = event.Records != nil
	certainly = possibly
	for _, m := range event.Records {
		possibly = possibly && m.EventSource == "aws:sqs" && m.MessageId != "" && !strings.HasSuffix(m.EventSourceARN, ".fifo")
		certainly = certainly && possibly && m.Body != ""
	}
	return possibly, certainly
}
