package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"chime-offboarding/internal/failure"
	"chime-offboarding/internal/httpclient"
	"chime-offboarding/internal/local/queueserver"
)

const (
	taken    = "taken"
	noResult = "no result"
)

func TestALetterAsTheQueueHasIt(t *testing.T) {
	failedAt := time.Date(2026, 2, 20, 1, 2, 3, 999_999_999, time.FixedZone("CET", 3600))
	for name, test := range map[string]struct {
		letter Letter
		want   map[string]string // data type and value of each attribute
	}{
		"of a user": {
			Letter{
				Body: `{"accountId":"corp","userId":"ada"}`, ErrorCode: "NotFound", ErrorMessage: "The account has no such user.", FailedAt: failedAt, RequestID: "request-1",
				Source: &Record{MessageID: "message-1", ReceiptHandle: "secret", Body: "secret", SourceARN: "arn:aws:sqs:us-east-1:123456789012:jobs", ReceiveCount: 3},
			},
			map[string]string{
				"ErrorCode":       "String NotFound",
				"ErrorMessage":    "String The account has no such user.",
				"SourceMessageId": "String message-1",
				"SourceQueueArn":  "String arn:aws:sqs:us-east-1:123456789012:jobs",
				"ReceiveCount":    "Number 3",
				"FailedAt":        "String 2026-02-20T00:02:03Z",
				"RequestId":       "String request-1",
			},
		},
		"with nothing to say": {
			Letter{Body: " not JSON:\t<&> é😀\u2028\r\n", Source: &Record{}, FailedAt: failedAt},
			map[string]string{"ErrorMessage": "String No message.", "ReceiveCount": "Number 0", "FailedAt": "String 2026-02-20T00:02:03Z"},
		},
		"with more to say than fits": {
			Letter{
				Body: "b", ErrorCode: "Odd\x01\uffff", ErrorMessage: "a" + strings.Repeat("é", 600), FailedAt: failedAt, RequestID: "\xff",
				Source: &Record{MessageID: strings.Repeat("m", 1025), SourceARN: "arn\x00", ReceiveCount: -1},
			},
			map[string]string{
				"ErrorCode":       "String Odd\ufffd\ufffd",
				"ErrorMessage":    "String a" + strings.Repeat("é", 511),
				"SourceMessageId": "String " + strings.Repeat("m", 1024),
				"SourceQueueArn":  "String arn\ufffd",
				"ReceiveCount":    "Number -1",
				"FailedAt":        "String 2026-02-20T00:02:03Z",
				"RequestId":       "String \ufffd",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			queues := startQueues(t)
			if got := sendAll(t, queues.client, []Letter{test.letter}); !slices.Equal(got, []string{taken}) {
				t.Fatalf("the letter is %q", got)
			}
			letters := queues.receive(t, queues.deadLetters)
			if len(letters) != 1 || *letters[0].Body != test.letter.Body {
				t.Fatalf("the queue has %d letters: %v, want one with the body %q", len(letters), letters, test.letter.Body)
			}
			got := make(map[string]string)
			for name, value := range letters[0].MessageAttributes {
				got[name] = *value.DataType + " " + *value.StringValue
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("attributes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBatchesOfLetters(t *testing.T) {
	const half = maxBytes / 2
	one := []string{taken}
	two := []string{taken, taken}
	for name, test := range map[string]struct {
		sizes       []int // of letters, attributes included
		want        []string
		wantBatches []int // in any order
	}{
		"none":                                {nil, nil, nil},
		"one":                                 {repeat(1, 200), one, []int{1}},
		"one less than ten":                   {repeat(9, 200), repeat(9, taken), []int{9}},
		"ten":                                 {repeat(10, 200), repeat(10, taken), []int{10}},
		"one more than ten":                   {repeat(11, 200), repeat(11, taken), []int{1, 10}},
		"two tens and one":                    {repeat(21, 200), repeat(21, taken), []int{1, 10, 10}},
		"a thousand":                          {repeat(1000, 200), repeat(1000, taken), repeat(100, 10)},
		"one of a byte less than 1 MiB":       {[]int{maxBytes - 1}, one, []int{1}},
		"one of 1 MiB":                        {[]int{maxBytes}, one, []int{1}},
		"one of a byte more than 1 MiB":       {[]int{maxBytes + 1}, []string{"InvalidParameterValue"}, nil},
		"two of a byte less than 1 MiB":       {[]int{half, half - 1}, two, []int{2}},
		"two of 1 MiB":                        {[]int{half, half}, two, []int{2}},
		"two of a byte more than 1 MiB":       {[]int{half, half + 1}, two, []int{1, 1}},
		"ten of 1 MiB":                        {append(repeat(9, 100_000), maxBytes-900_000), repeat(10, taken), []int{10}},
		"ten of a byte more than 1 MiB":       {append(repeat(9, 100_000), maxBytes-900_000+1), repeat(10, taken), []int{1, 9}},
		"small ones around one of 1 MiB":      {[]int{200, maxBytes, 200}, repeat(3, taken), []int{1, 1, 1}},
		"small ones around one that is large": {[]int{200, maxBytes + 1, 200}, []string{taken, "InvalidParameterValue", taken}, []int{2}},
	} {
		t.Run(name, func(t *testing.T) {
			queues := startQueues(t)
			letters := make([]Letter, len(test.sizes))
			var want []string
			for i, size := range test.sizes {
				letters[i] = letterOf(fmt.Sprintf("%d ", i) + strings.Repeat("b", size-emptyLetter-len(fmt.Sprintf("%d ", i))))
				if test.want[i] == taken {
					want = append(want, letters[i].Body)
				}
			}
			if diff := cmp.Diff(test.want, sendAll(t, queues.client, letters)); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
			var batches []int
			for _, r := range queues.seen.all() {
				batches = append(batches, len(r.Entries))
			}
			slices.Sort(batches)
			if diff := cmp.Diff(test.wantBatches, batches); diff != "" {
				t.Errorf("batches (-want +got):\n%s", diff)
			}
			var got []string
			for _, m := range queues.receive(t, queues.deadLetters) {
				got = append(got, *m.Body)
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("the queue has %d letters, want the %d that it has taken, each once", len(got), len(want))
			}
		})
	}
}

func TestABodyThatIsNotLargeLeavesRoom(t *testing.T) {
	most := strings.Repeat("x", 2*maxAttributeBytes)
	letter := Letter{Body: strings.Repeat("b", LargeBody), ErrorCode: most, ErrorMessage: most, Source: &Record{MessageID: most, SourceARN: most}, RequestID: most}
	if err := letter.Refused(); err != nil {
		t.Errorf("with the longest attributes: %v", err)
	}
}

func TestBodiesThatSQSDoesNotTakeAreNotSent(t *testing.T) {
	const invalid = "InvalidMessageContents"
	queues := startQueues(t)
	letters := []Letter{letterOf("first"), letterOf(""), letterOf("a\x00"), letterOf("\uffff"), letterOf("caf\xc3"), letterOf("last")}
	want := []string{taken, invalid, invalid, invalid, invalid, taken}
	if diff := cmp.Diff(want, sendAll(t, queues.client, letters)); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if seen := queues.seen.all(); len(seen) != 1 || len(seen[0].Entries) != 2 {
		t.Errorf("sent %+v, want one batch of two", seen)
	}
}

// TestWhatTheQueueSays has answers to a batch of three letters.
func TestWhatTheQueueSays(t *testing.T) {
	const failed = failure.RequestFailed
	none := []string{noResult, noResult, noResult}
	all := func(code string) []string { return []string{code, code, code} }
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   []string
	}{
		"all taken":                   {says(200, `{"Successful": [{"Id": "0"}, {"Id": "1"}, {"Id": "2"}]}`), all(taken)},
		"in another order":            {says(200, `{"Failed": [{"Id": "2", "Code": "Two"}, {"Id": "0", "Code": "Zero"}], "Successful": [{"Id": "1"}]}`), []string{"Zero", taken, "Two"}},
		"one in neither list":         {says(200, `{"Successful": [{"Id": "2"}, {"Id": "0"}]}`), []string{taken, noResult, taken}},
		"one in both lists":           {says(200, `{"Successful": [{"Id": "0"}, {"Id": "1"}, {"Id": "2"}], "Failed": [{"Id": "1", "Code": "InternalError"}]}`), []string{taken, "InternalError", taken}},
		"one without an ID":           {says(200, `{"Successful": [{"MessageId": "x"}, {"Id": "1"}, {"Id": null}]}`), []string{noResult, taken, noResult}},
		"IDs of nobody":               {says(200, `{"Successful": [{"Id": "3"}, {"Id": "-1"}, {"Id": "x"}, {"Id": ""}, {"Id": "99999999999999999999"}]}`), none},
		"failures of nobody":          {says(200, `{"Successful": [{"Id": "0"}], "Failed": [{"Id": "3", "Code": "Three"}, {"Code": "None"}]}`), []string{taken, noResult, noResult}},
		"a failure without a code":    {says(200, `{"Failed": [{"Id": "0"}]}`), []string{failed, noResult, noResult}},
		"the body that was sent":      {says(200, `{"Successful": [{"Id": "0", "MD5OfMessageBody": "cfcd208495d565ef66e7dff9f98764da"}]}`), []string{taken, noResult, noResult}},
		"another body":                {says(200, `{"Successful": [{"Id": "0", "MD5OfMessageBody": "c4ca4238a0b923820dcc509a6f75849b"}]}`), []string{failed, noResult, noResult}},
		"empty lists":                 {says(200, `{"Successful": [], "Failed": []}`), none},
		"null for lists":              {says(200, `{"Successful": null, "Failed": null}`), none},
		"an empty object":             {says(200, `{}`), none},
		"null":                        {says(200, `null`), all(failed)},
		"nothing":                     {says(200, ``), none},
		"garbage":                     {says(200, `{"Successful": ["0"]}`), all(failed)},
		"HTML":                        {says(200, `<html>Welcome</html>`), all(failed)},
		"half an answer":              {says(200, `{"Successful": [{"Id": "0"}`), all(failed)},
		"a queue that is not there":   {says(400, `{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no"}`), all("QueueDoesNotExist")},
		"no permission":               {says(403, `{"__type": "com.amazon.coral.service#AccessDeniedException"}`), all("AccessDenied")},
		"an error that is not SQS's":  {says(413, `<html>Too large</html>`), all(failed)},
		"throttling, time and again":  {says(400, `{"__type": "com.amazonaws.sqs#RequestThrottled"}`), all("RequestThrottled")},
		"unavailable, time and again": {says(503, `{"__type": "com.amazon.coral.service#ServiceUnavailable"}`), all("ServiceUnavailable")},
		"cut, time and again":         {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, all(failed)},
	} {
		t.Run(name, func(t *testing.T) {
			client := startClient(t, test.answer, deadLetters)
			synctest.Test(t, func(t *testing.T) { // There the SDK's back-off takes no time.
				if diff := cmp.Diff(test.want, sendAll(t, client, []Letter{letterOf("0"), letterOf("1"), letterOf("2")})); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestASecondAttemptMaySucceed(t *testing.T) {
	queues := startQueues(t)
	var once sync.Once
	client := startClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refused := false
		once.Do(func() { refused = true })
		if refused {
			says(500, `{}`)(w, r)
			return
		}
		queues.server.ServeHTTP(w, r)
	}), queues.deadLetters)
	synctest.Test(t, func(t *testing.T) {
		if got := sendAll(t, client, []Letter{letterOf("a"), letterOf("b")}); !slices.Equal(got, []string{taken, taken}) {
			t.Errorf("the letters are %q", got)
		}
	})
	if got := queues.receive(t, queues.deadLetters); len(got) != 2 {
		t.Errorf("the queue has %d letters, want 2", len(got))
	}
}

func TestRetriesAreNotRationed(t *testing.T) {
	const calls = 60 // The SDK's quota would end after 50 that fail.
	var attempts atomic.Int32
	client := startClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		attempts.Add(1)
		says(503, ``)(w, r)
	}), deadLetters)
	synctest.Test(t, func(t *testing.T) {
		letters := repeat(calls*maxEntries, letterOf("b"))
		if diff := cmp.Diff(repeat(len(letters), failure.RequestFailed), sendAll(t, client, letters)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	if got := attempts.Load(); got != 3*calls {
		t.Errorf("%d attempts, want %d", got, 3*calls)
	}
}

func TestNoLetterIsMadeOnceTheTimeIsUp(t *testing.T) {
	const n = 1000
	for name, test := range map[string]struct {
		upAtFirstCall bool
		mostMade      int
	}{
		"before the first call": {false, 0},
		"during the first call": {true, concurrency * maxEntries},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			client := startClient(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // Only then the server watches for the client to go.
				cancel()
				<-r.Context().Done()
			}), deadLetters)
			if !test.upAtFirstCall {
				cancel()
			}
			made, told := make(map[int]bool), make(map[int]bool)
			client.SendLetters(ctx, n, func(i int) Letter {
				made[i] = true
				return letterOf("b")
			}, func(i int, err error) {
				told[i] = true
				if !errors.Is(err, context.Canceled) {
					t.Errorf("letter %d: got error %v, want %v", i, err, context.Canceled)
				}
			})
			if len(made) > test.mostMade || !maps.Equal(made, told) {
				t.Errorf("%d letters were made and done was told of %d, want the same, at most %d", len(made), len(told), test.mostMade)
			}
		})
	}
}

// letterOf returns a letter that is emptyLetter bytes longer than its body.
func letterOf(body string) Letter {
	return Letter{Body: body, ErrorCode: "A", ErrorMessage: "B", Source: &Record{MessageID: "C", SourceARN: "D", ReceiveCount: 5}, FailedAt: time.Unix(0, 0), RequestID: "F"}
}

const emptyLetter = len("ErrorCode String A") - 2 + len("ErrorMessage String B") - 2 + len("SourceMessageId String C") - 2 +
	len("SourceQueueArn String D") - 2 + len("ReceiveCount Number 5") - 2 + len("FailedAt String 1970-01-01T00:00:00Z") - 2 + len("RequestId String F") - 2

func repeat[E any](n int, e E) []E { return slices.Repeat([]E{e}, n) }

// sendAll sends the letters and returns what became of each: taken, noResult or the code of its error.
func sendAll(t *testing.T, client *Client, letters []Letter) []string {
	t.Helper()
	var results []string
	if len(letters) > 0 {
		results = make([]string, len(letters))
	}
	client.SendLetters(t.Context(), len(letters), func(i int) Letter {
		if results[i] != "" {
			t.Errorf("letter %d, of which done was told, is made again", i)
		}
		return letters[i]
	}, func(i int, err error) {
		switch {
		case results[i] != "":
			t.Errorf("done is told of letter %d again: %v", i, err)
		case errors.Is(err, errNoResult):
			results[i] = noResult
		case err != nil:
			results[i] = failure.Code(err)
		default:
			results[i] = taken
		}
	})
	return results
}

// says answers every request.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // The client says what is missing.
	}
}

// queues are those of the stand-in, which hold what a client sends.
type queues struct {
	client      *Client
	server      *queueserver.Server
	api         *sqs.Client
	source      string // URL
	deadLetters string // URL
	seen        *requests
}

func startQueues(t *testing.T) *queues {
	t.Helper()
	q := &queues{server: queueserver.New(queueserver.Config{Region: "us-east-1", AccountID: "123456789012"}), seen: &requests{}}
	listener := httptest.NewServer(q.server)
	t.Cleanup(listener.Close)
	q.api = sqs.NewFromConfig(configOf(listener.URL, httpclient.New(0)))
	create := func(name string) string {
		out, err := q.api.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
		if err != nil {
			t.Fatal(err)
		}
		return *out.QueueUrl
	}
	q.source, q.deadLetters = create("jobs"), create("jobs-dlq")
	q.client = startClient(t, q.seen.before(q.server), q.deadLetters)
	return q
}

// receive returns all messages of a queue.
func (q *queues) receive(t *testing.T, queueURL string) []types.Message {
	t.Helper()
	var all []types.Message
	for {
		out, err := q.api.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &queueURL, MaxNumberOfMessages: 10, VisibilityTimeout: 3600, MessageAttributeNames: []string{"All"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return all
		}
		all = append(all, out.Messages...)
	}
}

// startClient returns a client of a server for the handler. It can be used in a synctest bubble: no connection stays open
// there while nothing is asked.
func startClient(t *testing.T, handler http.Handler, deadLetters string) *Client {
	t.Helper()
	listener := httptest.NewServer(handler)
	t.Cleanup(listener.Close)
	u, err := url.Parse(deadLetters)
	if err != nil {
		t.Fatal(err)
	}
	return NewClient(configOf(listener.URL, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}), u)
}

func configOf(endpoint string, client aws.HTTPClient) aws.Config {
	return aws.Config{
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		BaseEndpoint: &endpoint,
		HTTPClient:   client,

		RetryMaxAttempts: 7, // As AWS_MAX_ATTEMPTS would set it, which must not count.
	}
}

// requests are those that a server got.
type requests struct {
	mu   sync.Mutex
	seen []batchRequest
}

type batchRequest struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []struct {
		ID                string `json:"Id"`
		ReceiptHandle     string
		VisibilityTimeout int
	}
}

func (s *requests) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request batchRequest
		if err := errors.Join(err, json.Unmarshal(body, &request)); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		s.mu.Lock()
		s.seen = append(s.seen, request)
		s.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

func (s *requests) all() []batchRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}
