package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"chime-offboarding/internal/httpclient"
	"chime-offboarding/internal/local/chimeserver"
	"chime-offboarding/internal/local/lambdaserver"
	"chime-offboarding/internal/local/queueserver"
)

// worker and command are the paths of two binaries: the function as for Lambda, and this command, without the race detector.
var worker, command string

func TestMain(m *testing.M) {
	os.Exit(withBinaries(m))
}

func withBinaries(m *testing.M) int {
	folder, err := os.MkdirTemp("", "capacity")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	worker, command = filepath.Join(folder, "bootstrap"), filepath.Join(folder, "capacity")
	for _, args := range [][]string{
		{"build", "-tags", "lambda.norpc", "-o", worker, "../../functions/suspend-users"},
		{"build", "-o", command, "."},
	} {
		build := exec.Command("go", args...)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building with go %s: %v\n%s", strings.Join(args, " "), err, out)
			return 1
		}
	}
	return m.Run()
}

// counts are what the model and the local run have to agree on.
type counts struct {
	Invocations, Calls, Attempts, Suspended, Letters int
	Batches                                          int // of SQS; the stand-in of Lambda makes its own number of receives
}

// TestAgainstTheLocalRun takes small plans through the real worker, with the stand-ins of SQS, Lambda and Chime, and through
// the model. The batches are full, or there is but one message, so that nothing depends on how fast either is.
func TestAgainstTheLocalRun(t *testing.T) {
	for name, test := range map[string]struct {
		change    func(p *Plan)
		refused   int           // attempts that Chime throttles before it takes one
		notBefore time.Duration // when everybody can be done at the earliest, because Chime takes its time
	}{
		"one request": {
			func(p *Plan) { p.Requests, p.BatchSize = 1, 1 },
			0, 100 * time.Millisecond,
		},
		"120 requests of one account": {
			func(p *Plan) { p.Requests, p.BatchSize = 120, 120 },
			0, 100 * time.Millisecond,
		},
		"140 requests of two accounts": {
			func(p *Plan) { p.Requests, p.BatchSize, p.Accounts = 140, 140, 2 },
			0, 100 * time.Millisecond,
		},
		"4,000 requests, two events at once": {
			func(p *Plan) { p.Requests, p.BatchSize = 4000, 1000 },
			0, 1000 * time.Millisecond,
		},
		"1,600 requests, one event after the other": {
			func(p *Plan) { p.Requests, p.BatchSize, p.MaximumConcurrency = 1600, 400, 1 },
			0, 800 * time.Millisecond,
		},
		"one request, throttled until its second delivery": {
			func(p *Plan) { p.Requests, p.BatchSize, p.Outage = 1, 1, 7*time.Second },
			3, 0,
		},
		"100 requests, throttled on the last delivery": {
			func(p *Plan) { p.Requests, p.BatchSize, p.MaxReceiveCount, p.Outage = 100, 100, 1, time.Hour },
			1e9, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := standard
			plan.Accounts, plan.Limit, plan.Window, plan.ReceiveRate = 1, 0, 10*time.Minute, 1e6
			test.change(&plan)
			model := Simulate(plan)
			want := counts{model.Invocations, model.Calls, model.Attempts, model.Suspended, model.Letters, model.Batches}
			got, drained, logged := runLocally(t, plan, test.refused)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the local run counts otherwise (-model +local):\n%s", diff)
			}
			if min(model.Drained, drained) < test.notBefore {
				t.Errorf("everybody is done after %v in the model and %v in the local run, but Chime takes %v", model.Drained, drained, test.notBefore)
			}
			modelled := model.LogBytes - model.Invocations*systemLogBytes // The stand-in of Lambda writes no lines of its own.
			if difference := float64(logged)/float64(modelled) - 1; math.Abs(difference) > 0.05 {
				t.Errorf("the local run logs %d bytes, the model %d, which is %.1f %% off", logged, modelled, 100*difference)
			}
			t.Logf("everybody is done after %v in the model and %v in the local run", model.Drained, drained)
		})
	}
}

// runLocally takes the requests of a plan through the real worker, and returns its counts, how long it took, and how many
// bytes the worker printed.
func runLocally(t *testing.T, p Plan, refused int) (got counts, drained time.Duration, logged int) {
	t.Helper()
	directory := chimeserver.NewDirectory()
	var accounts []string
	users := make([]chimeserver.User, p.Requests)
	for i := range users {
		users[i].UserID = fmt.Sprintf("6a7e8feb-b491-4cf7-a9f1-%012d", i)
	}
	for i := range p.Accounts {
		accounts = append(accounts, fmt.Sprintf("a2f1c1de-5f2f-4f5e-9d4d-%012d", i))
		if err := directory.AddAccount(chimeserver.Account{AccountID: accounts[i], AccountType: "EnterpriseLWA", Users: users}); err != nil {
			t.Fatal(err)
		}
	}
	chime := chimeserver.New(directory)
	chime.Latency = p.Latency
	var attempts atomic.Int64
	chimeURL := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if attempts.Add(1) > int64(refused) {
			chime.ServeHTTP(w, r)
			return
		}
		w.Header().Set("X-Amzn-ErrorType", "ThrottledClientException")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, "{}")
	})

	const speed = 300 // of the queue's clock, so that nobody waits for a redelivery
	queue := queueserver.New(queueserver.Config{Region: "us-east-1", AccountID: "123456789012", Speed: speed})
	var batches atomic.Int64
	queueURL := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "Batch") {
			batches.Add(1)
		}
		queue.ServeHTTP(w, r)
	})
	client := sqs.New(sqs.Options{
		BaseEndpoint: &queueURL,
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient:   httpclient.New(0),
	})
	create := func(name string) string {
		out, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: map[string]string{"VisibilityTimeout": "43200"}})
		if err != nil {
			t.Fatal(err)
		}
		return *out.QueueUrl
	}
	source, letters := create("requests"), create("letters")
	var entries []types.SendMessageBatchRequestEntry
	for i := range p.Requests {
		body := fmt.Sprintf(`{"accountId":%q,"userId":%q,"correlationId":"17793124-05d4-b198-2fde-%012d"}`, accounts[i%p.Accounts], users[i].UserID, i)
		entries = append(entries, types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: &body})
	}
	for batch := range slices.Chunk(entries, maxEntries) {
		if _, err := client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &source, Entries: batch}); err != nil {
			t.Fatal(err)
		}
	}
	batches.Store(0)

	var log bytes.Buffer
	function := lambdaserver.NewFunction(lambdaserver.Config{
		Binary: worker,
		Env: map[string]string{
			"AWS_ACCESS_KEY_ID":      "local",
			"AWS_SECRET_ACCESS_KEY":  "local",
			"AWS_SAM_LOCAL":          "true", // The worker then refuses every endpoint of AWS itself.
			"AWS_ENDPOINT_URL_CHIME": chimeURL,
			"AWS_ENDPOINT_URL_SQS":   queueURL,
			"DEAD_LETTER_QUEUE_URL":  letters,
			"ALLOWED_ACCOUNT_IDS":    strings.Join(accounts, ","),
			"MAX_RECEIVE_COUNT":      strconv.Itoa(p.MaxReceiveCount),
			"CHIME_CONCURRENCY":      strconv.Itoa(p.ChimeConcurrency),
		},
		FunctionName: "suspend-users", Region: "us-east-1", AccountID: "123456789012",
		Timeout: p.Timeout, MemorySize: p.MemorySize, Concurrency: p.MaximumConcurrency, Stdout: &log,
	})
	polling, stop := context.WithCancel(t.Context())
	defer stop()
	left, begun := p.Requests, time.Now()
	mapping := lambdaserver.Mapping{
		Client: client, QueueURL: source, Invoke: function.Invoke,
		BatchSize: p.BatchSize, Window: p.Window, Concurrency: p.MaximumConcurrency,
		Logger: slog.New(slog.DiscardHandler),
		Observe: func(i lambdaserver.Invocation) {
			if i.Err != nil {
				t.Errorf("invoking the worker: %v", i.Err)
			}
			got.Invocations++
			if left -= i.Messages - len(i.HandedBack); left == 0 {
				drained = time.Since(begun)
				stop()
			}
		},
	}
	if err := mapping.Run(polling); err != nil {
		t.Fatal(err)
	}
	function.Close()

	got.Attempts, got.Batches = int(attempts.Load()), int(batches.Load())
	logged = log.Len()
	for line := range bytes.Lines(log.Bytes()) {
		var metrics struct{ ChimeCalls, UsersSuspended, UsersDeadLettered int }
		if err := json.Unmarshal(line, &metrics); err != nil {
			t.Fatal(err)
		}
		got.Calls += metrics.ChimeCalls
		got.Suspended += metrics.UsersSuspended
		got.Letters += metrics.UsersDeadLettered
	}
	return got, drained, logged
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}
