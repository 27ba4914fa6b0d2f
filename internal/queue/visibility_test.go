package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"chime-offboarding/internal/failure"
)

const (
	sourceARN   = "arn:aws:sqs:us-east-1:123456789012:jobs"
	deadLetters = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs-dlq"
)

func TestDelayOfMessagesInTheQueue(t *testing.T) {
	for n, wantBatches := range map[int][]int{
		0:  nil,
		1:  {1},
		9:  {9},
		10: {10},
		11: {1, 10},
		23: {3, 10, 10},
	} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			queues := startQueues(t)
			records, want := queues.inFlight(t, n)
			if failed, err := queues.client.Delay(t.Context(), records); failed != 0 || err != nil {
				t.Errorf("%d of %d failed, with error %v", failed, n, err)
			}
			var got []string
			var batches []int
			for _, r := range queues.seen.all() {
				batches = append(batches, len(r.Entries))
				if r.QueueURL != queues.source {
					t.Errorf("called for queue %s, want %s", r.QueueURL, queues.source)
				}
				for _, e := range r.Entries {
					got = append(got, e.ReceiptHandle)
				}
			}
			slices.Sort(batches)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(batches, wantBatches) || !slices.Equal(got, want) {
				t.Errorf("got batches of %d, want %d; receipt handles %q, want %q", batches, wantBatches, got, want)
			}
		})
	}
}

func TestDelayIsRandomInItsRange(t *testing.T) {
	const n = 200
	for receiveCount, want := range map[int]struct{ shortest, longest int }{ // in seconds
		-1:  {8, 15},
		0:   {8, 15},
		1:   {8, 15},
		2:   {30, 60},
		3:   {120, 240},
		4:   {450, 900},
		5:   {450, 900},
		100: {450, 900},
	} {
		t.Run(fmt.Sprint("receive ", receiveCount), func(t *testing.T) {
			var seen requests
			client := startClient(t, seen.before(http.HandlerFunc(setAll)), deadLetters)
			records := make([]*Record, n)
			for i := range records {
				records[i] = &Record{ReceiptHandle: strconv.Itoa(i), SourceARN: sourceARN, ReceiveCount: receiveCount}
			}
			if failed, err := client.Delay(t.Context(), records); failed != 0 || err != nil {
				t.Errorf("%d failed, with error %v", failed, err)
			}
			values := make(map[int]int)
			for _, r := range seen.all() {
				for _, e := range r.Entries {
					values[e.VisibilityTimeout]++
					if e.VisibilityTimeout < want.shortest || e.VisibilityTimeout > want.longest {
						t.Errorf("the visibility is set to %d s, want %d to %d s", e.VisibilityTimeout, want.shortest, want.longest)
					}
				}
			}
			if len(values) < 8 { // As many as from 8 to 15 s.
				t.Errorf("%d messages have %v seconds, which is not random", n, values)
			}
		})
	}
}

func TestURLOfTheSourceQueue(t *testing.T) {
	for _, test := range []struct{ deadLetters, arn, want string }{
		{deadLetters, sourceARN, "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"},
		{deadLetters, "arn:aws:sqs:us-east-1:210987654321:Other_jobs-1", "https://sqs.us-east-1.amazonaws.com/210987654321/Other_jobs-1"},
		{"https://sqs.cn-north-1.amazonaws.com.cn/123456789012/dlq", "arn:aws-cn:sqs:cn-north-1:123456789012:jobs", "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/jobs"},
		{"https://us-east-1.queue.amazonaws.com/123456789012/dlq", sourceARN, "https://us-east-1.queue.amazonaws.com/123456789012/jobs"},
		{"https://vpce-1a2b.sqs.us-east-1.vpce.amazonaws.com/123456789012/dlq", sourceARN, "https://vpce-1a2b.sqs.us-east-1.vpce.amazonaws.com/123456789012/jobs"},
		{"http://127.0.0.1:9324/000000000000/dlq", sourceARN, "http://127.0.0.1:9324/123456789012/jobs"},
		{"http://[::1]:9324/000000000000/dlq", sourceARN, "http://[::1]:9324/123456789012/jobs"},
		{"http://localhost:4566/queue/us-east-1/000000000000/dlq", sourceARN, "http://localhost:4566/queue/us-east-1/123456789012/jobs"},
		{"http://localhost:4566/a%20b/000000000000/dlq", sourceARN, "http://localhost:4566/a%20b/123456789012/jobs"},
	} {
		var seen requests
		client := startClient(t, seen.before(http.HandlerFunc(setAll)), test.deadLetters)
		failed, err := client.Delay(t.Context(), []*Record{{ReceiptHandle: "x", SourceARN: test.arn}})
		if failed != 0 || err != nil {
			t.Errorf("%s: failed with error %v", test.deadLetters, err)
		}
		if got := seen.all(); len(got) != 1 || got[0].QueueURL != test.want {
			t.Errorf("%s: called for %+v, want %s", test.deadLetters, got, test.want)
		}
	}
}

func TestMessagesOfSeveralQueues(t *testing.T) {
	var seen requests
	client := startClient(t, seen.before(http.HandlerFunc(setAll)), deadLetters)
	var records []*Record
	for i := range 24 {
		records = append(records, &Record{ReceiptHandle: strconv.Itoa(i), SourceARN: sourceARN + strconv.Itoa(i%2)})
	}
	if failed, err := client.Delay(t.Context(), records); failed != 0 || err != nil {
		t.Errorf("%d failed, with error %v", failed, err)
	}
	got := make(map[string]string) // queue of each message
	for _, r := range seen.all() {
		for _, e := range r.Entries {
			got[e.ReceiptHandle] = r.QueueURL
		}
	}
	want := make(map[string]string)
	for i := range 24 {
		want[strconv.Itoa(i)] = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs" + strconv.Itoa(i%2)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := len(seen.all()); n != 4 {
		t.Errorf("%d calls for two times twelve messages, want 4", n)
	}
}

// TestDelaysThatFail has 13 messages, in a call of ten and one of three.
func TestDelaysThatFail(t *testing.T) {
	for name, test := range map[string]struct {
		answer     http.HandlerFunc
		wantFailed int
		wantCode   string
	}{
		"one of each call": {
			says(200, `{"Successful": [{"Id": "1"}, {"Id": "2"}], "Failed": [{"Id": "0", "Code": "ReceiptHandleIsInvalid", "Message": "no"}]}`),
			13 - 4, "ReceiptHandleIsInvalid",
		},
		"all of each call":            {says(200, `{"Failed": [{"Id": "0", "Code": "InternalError"}]}`), 13, "InternalError"},
		"a failure without a code":    {says(200, `{"Failed": [{"Id": "0"}]}`), 13, failure.RequestFailed},
		"no results":                  {says(200, `{}`), 13, failure.RequestFailed},
		"garbage":                     {says(200, `[1]`), 13, failure.RequestFailed},
		"a refusal":                   {says(400, `{"__type": "com.amazonaws.sqs#QueueDoesNotExist"}`), 13, "QueueDoesNotExist"},
		"no permission":               {says(403, `{"__type": "com.amazon.coral.service#AccessDeniedException"}`), 13, "AccessDenied"},
		"unavailable, time and again": {says(503, ``), 13, failure.RequestFailed},
		"cut, time and again":         {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 13, failure.RequestFailed},
	} {
		t.Run(name, func(t *testing.T) {
			client := startClient(t, test.answer, deadLetters)
			synctest.Test(t, func(t *testing.T) { // There the SDK's back-off takes no time.
				failed, err := client.Delay(t.Context(), manyRecords(13))
				if failed != test.wantFailed || failure.Code(err) != test.wantCode {
					t.Errorf("%d failed, with error %v, want %d with code %s", failed, err, test.wantFailed, test.wantCode)
				}
			})
		})
	}
}

func TestOnlyTheOthersAreDelayed(t *testing.T) {
	for name, spoil := range map[string]func(*Record){
		"of a record without a receipt handle": func(r *Record) { r.ReceiptHandle = "" },
		"of one with somebody else's":          func(r *Record) { r.ReceiptHandle = "AQEB" },
		"of one without an ARN":                func(r *Record) { r.SourceARN = "" },
		"of one with a name for an ARN":        func(r *Record) { r.SourceARN = "jobs" },
		"of one with a part too few":           func(r *Record) { r.SourceARN = "arn:aws:sqs:us-east-1:123456789012" },
		"of one with a part too many":          func(r *Record) { r.SourceARN += ":x" },
		"of one without an account":            func(r *Record) { r.SourceARN = "arn:aws:sqs:us-east-1::jobs" },
		"of one without a name":                func(r *Record) { r.SourceARN = "arn:aws:sqs:us-east-1:123456789012:" },
		"of one of a queue that is not there":  func(r *Record) { r.SourceARN += "-2" },
	} {
		t.Run(name, func(t *testing.T) {
			queues := startQueues(t)
			records, _ := queues.inFlight(t, 12)
			spoil(records[5])
			if failed, err := queues.client.Delay(t.Context(), records); failed != 1 || err == nil {
				t.Errorf("%d failed, with error %v, want 1 with an error", failed, err)
			}
		})
	}
}

func TestARecordWithoutAReceiptHandleOrAQueueIsNotAskedFor(t *testing.T) {
	client := startClient(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("something was sent") }), deadLetters)
	for _, record := range []*Record{
		{SourceARN: sourceARN},
		{ReceiptHandle: "x", SourceARN: "arn:aws:sqs:us-east-1::jobs"},
		{ReceiptHandle: "x", SourceARN: "arn:aws:sqs:us-east-1:123456789012:"},
	} {
		if failed, err := client.Delay(t.Context(), []*Record{record}); failed != 1 || err == nil {
			t.Errorf("%+v: %d failed, with error %v, want 1 with an error", record, failed, err)
		}
	}
}

func TestNobodyIsDelayedInNoTime(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	client := startClient(t, http.NotFoundHandler(), deadLetters)
	if failed, err := client.Delay(ctx, nil); failed != 0 || err != nil {
		t.Errorf("%d of none failed, with error %v", failed, err)
	}
}

func TestThoseWithoutTimeAreNotDelayed(t *testing.T) {
	const n = 1000
	for _, name := range []string{"before the first call", "during the first call"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var seen requests
			client := startClient(t, seen.before(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				cancel()
				<-r.Context().Done()
			})), deadLetters)
			most := concurrency
			if name == "before the first call" {
				most = 0
				cancel()
			}
			if failed, err := client.Delay(ctx, manyRecords(n)); failed != n || !errors.Is(err, context.Canceled) {
				t.Errorf("%d failed, with error %v, want %d with %v", failed, err, n, context.Canceled)
			}
			if got := len(seen.all()); got > most {
				t.Errorf("%d calls were made, want at most %d", got, most)
			}
		})
	}
}

func manyRecords(n int) []*Record {
	records := make([]*Record, n)
	for i := range records {
		records[i] = &Record{ReceiptHandle: strconv.Itoa(i), SourceARN: sourceARN, ReceiveCount: 1}
	}
	return records
}

// inFlight puts messages into the source queue and receives them, and returns their receipt handles as well.
func (q *queues) inFlight(t *testing.T, n int) (records []*Record, handles []string) {
	t.Helper()
	bodies := manyRecords(n)
	for batch := range slices.Chunk(bodies, 10) {
		var entries []types.SendMessageBatchRequestEntry
		for i := range batch {
			entries = append(entries, types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String("{}")})
		}
		if _, err := q.api.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &q.source, Entries: entries}); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range q.receive(t, q.source) {
		handles = append(handles, *m.ReceiptHandle)
		records = append(records, &Record{MessageID: *m.MessageId, ReceiptHandle: *m.ReceiptHandle, Body: *m.Body, SourceARN: sourceARN, ReceiveCount: 1})
	}
	return records, handles
}

// setAll answers a ChangeMessageVisibilityBatch as if all went well.
func setAll(w http.ResponseWriter, r *http.Request) {
	var request batchRequest
	body, err := io.ReadAll(r.Body)
	if err := errors.Join(err, json.Unmarshal(body, &request)); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	type result struct {
		ID string `json:"Id"`
	}
	var answer struct{ Successful []result }
	for _, e := range request.Entries {
		answer.Successful = append(answer.Successful, result{e.ID})
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_ = json.MarshalWrite(w, answer) // The client says what is missing.
}
