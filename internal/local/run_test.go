package main

import (
	"context"
	"io"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"chime-offboarding/internal/httpclient"
	"chime-offboarding/internal/local/queueserver"
)

// readTable reads the closing table: by account, what was requested, suspended and dead-lettered, and the codes.
func readTable(out string) map[string]string {
	rows := make(map[string]string)
	last := ""
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "│") {
			continue
		}
		cells := strings.Split(line, "│")
		account := strings.TrimSpace(cells[1])
		switch {
		case account == "Account":
			continue
		case account != "":
			last = account
		}
		rows[last] = strings.TrimSpace(rows[last] + " " + strings.Join(strings.Fields(strings.Join(cells[2:6], " ")), " "))
	}
	return rows
}

func wantTable(t *testing.T, out string, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, readTable(out)); diff != "" {
		t.Errorf("the table (-want +got):\n%s\n%s", diff, out)
	}
}

func wantEnd(t *testing.T, out, want string) {
	t.Helper()
	if !strings.HasSuffix(out, "\n"+want+"\n") {
		t.Errorf("the last line has to be %q:\n%s", want, out)
	}
}

func TestAllStories(t *testing.T) {
	t.Parallel()
	out, err := local(t)
	if err != nil {
		t.Fatalf("%v, after\n%s", err, out)
	}
	wantTable(t, out, map[string]string{
		"(invalid messages)": "9 0 9 InvalidRequest 9",
		"acme-contractors":   "2 0 2 Forbidden 2",
		"acme-enterprise":    "11 9 2 ProtectedUser 2",
		"acme-studios":       "4 4 0",
		"acme-team":          "9 8 1 BadRequest",
		"acme-trouble": "20 7 13 AccessDenied, BadRequest, CodeOfTomorrow, Forbidden, NotFound, PhoneNumberAssociationsExist, " +
			"PreconditionFailed, ResourceLimitExceeded, Throttled, Unauthorized, Unknown, Unprocessable, VoiceConnectorGroupAssociationsExist",
		"partner-corp": "1 0 1 AccountNotAllowed",
		"All":          "56 28 28",
	})
	wantEnd(t, out, "Everybody is accounted for: 56 requested = 28 suspended + 28 dead letters.")
	if n := strings.Count(out, "\n  event "); n < 5 {
		t.Errorf("of the events only %d have a line:\n%s", n, out)
	}
}

func TestOneEvent(t *testing.T) {
	t.Parallel()
	out, err := local(t, "-events", "events/one-request.json")
	if err != nil {
		t.Fatalf("%v, after\n%s", err, out)
	}
	wantTable(t, out, map[string]string{"acme-enterprise": "1 1 0", "All": "1 1 0"})
	wantEnd(t, out, "Everybody is accounted for: 1 requested = 1 suspended + 0 dead letters.")
}

func TestMadeUpUsers(t *testing.T) {
	t.Parallel()
	out, err := local(t, "-users", "2000")
	if err != nil {
		t.Fatalf("%v, after\n%s", err, out)
	}
	wantTable(t, out, map[string]string{
		"load-1": "250 250 0", "load-2": "250 249 1 NotFound", "load-3": "250 250 0", "load-4": "250 250 0",
		"load-5": "250 249 1 NotFound", "load-6": "250 250 0", "load-7": "250 250 0", "load-8": "250 250 0",
		"All": "2000 1998 2",
	})
	wantEnd(t, out, "Everybody is accounted for: 2000 requested = 1998 suspended + 2 dead letters.")
	if strings.Contains(out, "  event ") {
		t.Errorf("events of a load have no lines of their own:\n%s", out)
	}
}

func TestKeep(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	port := freePort()
	local := begin(ctx, "-keep", "-port", strconv.Itoa(port), "-events", "events/one-request.json")
	local.until(t, "Still up: what arrives is shown here, until Ctrl-C.")
	line := local.until(t, "aws sqs send-message")
	urls := regexp.MustCompile(`--endpoint-url (\S+) --queue-url (\S+) `).FindStringSubmatch(line)
	if urls == nil || urls[1] != "http://127.0.0.1:"+strconv.Itoa(port) {
		t.Fatalf("port %d and a queue's URL have to be in %q", port, line)
	}
	local.until(t, "aws chime list-users --endpoint-url http://127.0.0.1:"+strconv.Itoa(port+1)+" --account-id acme-enterprise")

	client := sqsClient(urls[1])
	for _, test := range []struct{ body, want string }{
		{`{"accountId": "acme-enterprise", "userId": "donald-knuth"}`, "    donald-knuth of acme-enterprise: suspended"},
		{`{"accountId": "acme-enterprise", "userId": "nobody"}`, "    nobody of acme-enterprise: deadLettered NotFound"},
		{`Suspend them all!`, "    an invalid message: deadLettered InvalidRequest"},
	} {
		if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &urls[2], MessageBody: &test.body}); err != nil {
			t.Fatal(err)
		}
		if got := local.until(t, ": "); got != test.want {
			t.Errorf("the line is %q, want %q", got, test.want)
		}
		local.until(t, "  1 message, ")
	}
	interrupt()
	if err := local.end(); err != nil {
		t.Errorf("interrupted it ends with %v, want a clean end", err)
	}
	if !isFree(port) || !isFree(port+1) {
		t.Error("a listener is left behind")
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	local := begin(ctx, "-events", "events/forbidden-account.json")
	local.until(t, "  event ")
	interrupt()
	const want = "interrupted before everybody was accounted for"
	if err := local.end(); err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

func TestForeignSQS(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(queueserver.New(queueserver.Config{Region: "us-east-1", AccountID: "000000000000"}))
	defer server.Close()
	client := sqsClient(server.URL)
	if _, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(sourceName)}); err != nil {
		t.Fatal(err)
	}
	out, err := local(t, "-sqs-endpoint", server.URL, "-events", "events/user-errors.json")
	if err != nil {
		t.Fatalf("%v, after\n%s", err, out)
	}
	wantEnd(t, out, "Everybody is accounted for: 18 requested = 6 suspended + 12 dead letters.")
	if !strings.Contains(out, "delivered again after 1s") {
		t.Errorf("it does not say that redelivery is sooner than the worker asks for:\n%s", out)
	}
	queues, err := client.ListQueues(t.Context(), &sqs.ListQueuesInput{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{server.URL + "/000000000000/" + sourceName}, queues.QueueUrls); diff != "" {
		t.Errorf("of the queues only the one that was there before has to be left (-want +got):\n%s", diff)
	}
}

func TestChaos(t *testing.T) {
	t.Parallel()
	out, err := local(t, "-chaos", "11", "-users", "200")
	if err != nil {
		t.Fatalf("%v, after\n%s", err, out)
	}
	if !strings.Contains(out, "chaos   seed 11: ") || !regexp.MustCompile(`(?m)^\d+ faults: .*, killed \d+, late \d+`).MatchString(out) {
		t.Errorf("the seed and what was broken have to be told:\n%s", out)
	}
	if !strings.Contains(out, "Everybody is accounted for: ") {
		t.Errorf("not everybody is accounted for:\n%s", out)
	}
}

// TestOutages takes Chime, the dead-letter queue, or both away for an hour by the queue's clock, which is longer than a message
// has deliveries.
func TestOutages(t *testing.T) {
	const hour = time.Hour / queueSpeed
	for name, test := range map[string]struct {
		chime, letters time.Duration
		want           string
	}{
		// Which of the two it is depends on how long the SDK waits between its attempts, of the 2 s that there are.
		"Chime":                 {hour, 0, "RequestFailed|DeadlineExceeded"},
		"the dead-letter queue": {0, hour, "redriven by the queue"},
		"both":                  {hour, hour, "redriven by the queue"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := parse([]string{"-worker", worker}, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			err = runOnce(t.Context(), o, &out, newOutage(test.chime, test.letters))
			if err != nil || !strings.Contains(out.String(), "Everybody is accounted for: 56 requested = ") {
				t.Errorf("%v, after\n%s", err, &out)
			}
			if !regexp.MustCompile(test.want).MatchString(out.String()) {
				t.Errorf("there are no letters %q:\n%s", test.want, &out)
			}
		})
	}
}

func TestChaosFindsALoss(t *testing.T) {
	t.Parallel()
	settings := file(t, "settings.json", `{"Parameters": {"MODE": "suspend", "MAX_RECEIVE_COUNT": "5"}}`)
	out, err := local(t, "-worker", idler, "-settings", settings, "-chaos", "5", "-runs", "2", "-users", "50")
	if err == nil || !strings.HasSuffix(err.Error(), "not asked for; try again with make chaos SEED=5") {
		t.Errorf("the error is %v, want the seed that it was found with", err)
	}
	if strings.Count(out, "chaos   seed ") != 1 {
		t.Errorf("it has to end with the run that found it:\n%s", out)
	}
}

func TestWorkerThatLosesUsers(t *testing.T) {
	t.Parallel()
	settings := file(t, "settings.json", `{"Parameters": {"MODE": "suspend", "MAX_RECEIVE_COUNT": "5"}}`)
	out, err := local(t, "-worker", idler, "-settings", settings, "-events", "events/many-accounts.json")
	const want = "8 requested, but 0 suspended + 0 dead letters: 8 missing, 0 not asked for"
	if err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
	if missing := "missing: hedy-lamarr of acme-studios, asked for in many-accounts.json\n"; strings.Count(out, "missing: ") != 8 || !strings.Contains(out, missing) {
		t.Errorf("it has to name eight users, one in the line %q:\n%s", missing, out)
	}
}

func sqsClient(endpoint string) *sqs.Client {
	return sqs.New(sqs.Options{
		BaseEndpoint: &endpoint,
		Region:       region,
		Credentials:  aws.CredentialsProviderFunc(credentials),
		HTTPClient:   httpclient.New(0),
	})
}
