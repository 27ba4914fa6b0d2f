package chime_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/chime/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"chime-offboarding/internal/chime"
	"chime-offboarding/internal/local/chimeserver"
	"chime-offboarding/internal/suspension"
)

// attemptTimeout is that of the clients here, in the time of a synctest bubble.
const attemptTimeout = 10 * time.Second

func TestUserErrorCodes(t *testing.T) {
	retried := map[types.ErrorCode]bool{"Throttled": true, "Throttling": true, "ServiceUnavailable": true, "ServiceFailure": true, "Conflict": true}
	codes := append(types.ErrorCode("").Values(), "TooFarAway", "throttled", "")
	account := chimeserver.Account{AccountID: "corp", AccountType: types.AccountTypeEnterpriseLWA}
	var ids []string
	var want []suspension.Result
	for i, code := range codes {
		id := fmt.Sprintf("user-%d", i)
		account.Users = append(account.Users, chimeserver.User{UserID: id, Fault: &chimeserver.Fault{UserErrorCode: &code}})
		ids = append(ids, id)
		result := suspension.Result{Outcome: suspension.DeadLetter, Code: string(code), Message: "The user's fault in the directory has struck."}
		if retried[code] {
			result.Outcome = suspension.Retry
		}
		if code == "" {
			result.Code = "Unknown"
		}
		want = append(want, result)
	}
	account.Users = append(account.Users, chimeserver.User{UserID: "ada"})
	ids = append(ids, "ada", "nobody")
	want = append(want,
		suspension.Result{Outcome: suspension.Suspended},
		suspension.Result{Outcome: suspension.DeadLetter, Code: "NotFound", Message: "The account has no such user."})

	synctest.Test(t, func(t *testing.T) {
		directory, server := company(t, account)
		var calls []chimeserver.Call
		server.Observe = func(c chimeserver.Call) { calls = append(calls, c) }
		answer, err := chime.NewClient(serve(t, server)).Suspend(t.Context(), "corp", users(ids...))
		if err != nil {
			t.Fatal(err)
		}
		if len(calls) != 1 || !slices.Equal(calls[0].UserIDs, ids) {
			t.Fatalf("the server was called with %+v, want one call with %q", calls, ids)
		}
		for i := range want {
			want[i].RequestID = calls[0].RequestID
		}
		if diff := cmp.Diff(suspension.Answer{Results: want}, answer); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string][]string{"corp": {"ada"}}, directory.Suspended()); diff != "" {
			t.Errorf("suspended (-want +got):\n%s", diff)
		}
	})
}

// TestAnswersWithStatus200 has calls for ada, bob and cy.
func TestAnswersWithStatus200(t *testing.T) {
	const requestID = "11112222-3333-4444-5555-666677778888"
	suspended := suspension.Result{Outcome: suspension.Suspended, RequestID: requestID}
	notFound := suspension.Result{Outcome: suspension.DeadLetter, Code: "NotFound", Message: "Chime gave no message.", RequestID: requestID}
	forbidden := suspension.Result{Outcome: suspension.DeadLetter, Code: "Forbidden", Message: "no", RequestID: requestID}
	throttled := suspension.Result{Outcome: suspension.Retry, Code: "Throttled", Message: "slow", RequestID: requestID}
	conflict := suspension.Result{Outcome: suspension.Retry, Code: "Conflict", Message: "busy", RequestID: requestID}
	unknown := suspension.Result{Outcome: suspension.DeadLetter, Code: "Unknown", Message: "Chime gave no message.", RequestID: requestID}
	unattributed := suspension.Result{
		Outcome: suspension.Retry, Code: "Unattributed", RequestID: requestID,
		Message: "Chime's answer has an error for a user who was not in the call, so that it says nothing certain about this one.",
	}
	for name, test := range map[string]struct {
		body string
		want []suspension.Result
	}{
		"no errors":               {`{"UserErrors": []}`, []suspension.Result{suspended, suspended, suspended}},
		"an empty answer":         {``, []suspension.Result{suspended, suspended, suspended}},
		"null":                    {`null`, []suspension.Result{suspended, suspended, suspended}},
		"an empty object":         {`{}`, []suspension.Result{suspended, suspended, suspended}},
		"null for errors":         {`{"UserErrors": null}`, []suspension.Result{suspended, suspended, suspended}},
		"a member not known":      {`{"Next": 1}`, []suspension.Result{suspended, suspended, suspended}},
		"one error":               {errorsOf(`bob NotFound`), []suspension.Result{suspended, notFound, suspended}},
		"an error each":           {errorsOf(`cy Throttled slow`, `ada NotFound`, `bob Conflict busy`), []suspension.Result{notFound, conflict, throttled}},
		"an error without a code": {`{"UserErrors": [{"UserId": "ada"}]}`, []suspension.Result{unknown, suspended, suspended}},

		"two dead letters: the first one counts":  {errorsOf(`ada NotFound`, `ada Forbidden no`), []suspension.Result{notFound, suspended, suspended}},
		"two retries: the first one counts":       {errorsOf(`ada Conflict busy`, `ada Throttled slow`), []suspension.Result{conflict, suspended, suspended}},
		"retry before dead letter: retry wins":    {errorsOf(`ada Throttled slow`, `ada NotFound`), []suspension.Result{throttled, suspended, suspended}},
		"retry after dead letter: retry wins":     {errorsOf(`ada NotFound`, `ada Throttled slow`), []suspension.Result{throttled, suspended, suspended}},
		"retry between dead letters: retry wins":  {errorsOf(`ada NotFound`, `ada Throttled slow`, `ada Forbidden no`), []suspension.Result{throttled, suspended, suspended}},
		"an error for somebody else":              {errorsOf(`eve Forbidden no`), []suspension.Result{unattributed, unattributed, unattributed}},
		"an error for the same name in capitals":  {errorsOf(`ADA Forbidden no`), []suspension.Result{unattributed, unattributed, unattributed}},
		"an error for somebody else before bob's": {errorsOf(`eve Forbidden no`, `bob NotFound`), []suspension.Result{unattributed, notFound, unattributed}},
		"an error for somebody else after theirs": {errorsOf(`bob Forbidden no`, `cy Throttled slow`, `eve NotFound`), []suspension.Result{unattributed, forbidden, throttled}},
		"an error for nobody":                     {`{"UserErrors": [{"ErrorCode": "NotFound"}]}`, []suspension.Result{unattributed, unattributed, unattributed}},
		"an error for null":                       {`{"UserErrors": [{"UserId": null, "ErrorCode": "NotFound"}]}`, []suspension.Result{unattributed, unattributed, unattributed}},
		"an error for an empty name":              {`{"UserErrors": [{"UserId": "", "ErrorCode": "NotFound"}]}`, []suspension.Result{unattributed, unattributed, unattributed}},
		"an error that is null":                   {`{"UserErrors": [null]}`, []suspension.Result{unattributed, unattributed, unattributed}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("X-Amzn-RequestId", requestID)
					write(w, test.body)
				}))
				answer, err := chime.NewClient(cfg).Suspend(t.Context(), "corp", users("ada", "bob", "cy"))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(suspension.Answer{Results: test.want}, answer); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestExceptions(t *testing.T) {
	const split, stopAccount, stopEvent, goOn = suspension.Split, suspension.StopAccount, suspension.StopEvent, suspension.Continue
	for _, test := range []struct {
		exception    string
		status       int // 0 where Chime declares it
		wantCode     string
		wantEffect   suspension.Effect
		wantAttempts int
	}{
		{"BadRequestException", 0, "BadRequest", split, 1},
		{"NotFoundException", 0, "NotFound", split, 1},
		{"ForbiddenException", 0, "Forbidden", stopAccount, 1},
		{"UnauthorizedClientException", 0, "UnauthorizedClient", stopAccount, 1},
		{"AccessDeniedException", 403, "AccessDenied", stopEvent, 1},
		{"ExpiredTokenException", 403, "ExpiredToken", stopEvent, 1},
		{"UnrecognizedClientException", 403, "UnrecognizedClient", stopEvent, 1},
		{"InvalidSignatureException", 403, "InvalidSignature", stopEvent, 1},
		{"NotAuthorizedException", 401, "NotAuthorized", stopEvent, 1},
		{"ThrottledClientException", 0, "ThrottledClient", goOn, 3},
		{"ThrottledClientException", 400, "ThrottledClient", goOn, 3},
		{"TooManyRequestsException", 429, "TooManyRequests", goOn, 3},
		{"LimitNobodyKnowsException", 429, "LimitNobodyKnows", goOn, 3},
		{"ThrottlingException", 400, "Throttling", goOn, 3},
		{"ServiceFailureException", 0, "ServiceFailure", goOn, 3},
		{"ServiceUnavailableException", 0, "ServiceUnavailable", goOn, 3},
		{"InternalFailure", 500, "InternalFailure", goOn, 3},
		{"BadGatewayException", 502, "BadGateway", goOn, 3},
		{"GatewayTimeoutException", 504, "GatewayTimeout", goOn, 3},
		{"ValidationException", 400, "Validation", goOn, 1},
		{"UnknownOperationException", 404, "UnknownOperation", goOn, 1},
		{"ConflictException", 409, "Conflict", goOn, 1},
		{"NotImplementedException", 501, "NotImplemented", goOn, 1},
	} {
		t.Run(fmt.Sprint(test.exception, " ", test.status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				directory, server := company(t, chimeserver.Account{
					AccountID: "corp", AccountType: types.AccountTypeTeam,
					Users: []chimeserver.User{{UserID: "ada"}, {UserID: "bob"}},
					Fault: &chimeserver.Fault{RefuseWith: test.exception, HTTPStatus: test.status},
				})
				var requestID string
				server.Observe = func(c chimeserver.Call) { requestID = c.RequestID }
				answer, err := chime.NewClient(serve(t, server)).Suspend(t.Context(), "corp", users("ada", "bob"))
				if err == nil {
					t.Error("there is no error")
				}
				want := suspension.Result{Code: test.wantCode, RequestID: requestID}
				if test.wantEffect == split {
					want.Outcome = suspension.DeadLetter
				}
				diff := cmp.Diff(suspension.Answer{Results: []suspension.Result{want, want}, Effect: test.wantEffect}, answer, ignoreMessages)
				if diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if message := answer.Results[0].Message; message == "" || message == err.Error() {
					t.Errorf("the message is %q, want what Chime said", message)
				}
				if got := server.Calls()["corp"]; got != test.wantAttempts {
					t.Errorf("%d attempts, want %d", got, test.wantAttempts)
				}
				if got := directory.Suspended()["corp"]; len(got) > 0 {
					t.Errorf("%q are suspended", got)
				}
			})
		})
	}
}

func TestAnswersThatAreNotChimes(t *testing.T) {
	const stopEvent, goOn = suspension.StopEvent, suspension.Continue
	for name, test := range map[string]struct {
		answer       http.HandlerFunc
		wantEffect   suspension.Effect
		wantAttempts int
	}{
		"HTML with status 403":           {status(403, "<html>Forbidden</html>"), stopEvent, 1},
		"HTML with status 401":           {status(401, "<html>Who are you?</html>"), stopEvent, 1},
		"nothing with status 403":        {status(403, ""), stopEvent, 1},
		"status 403, cut":                {cut(403, `{"Message": `), stopEvent, 1},
		"HTML with status 429":           {status(429, "<html>Slow down</html>"), goOn, 3},
		"nothing with status 429":        {status(429, ""), goOn, 3},
		"HTML with status 500":           {status(500, "<html>Sorry</html>"), goOn, 3},
		"HTML with status 502":           {status(502, "<html>Bad gateway</html>"), goOn, 3},
		"HTML with status 503":           {status(503, "<html>Busy</html>"), goOn, 3},
		"HTML with status 504":           {status(504, "<html>Too late</html>"), goOn, 3},
		"nothing with status 500":        {status(500, ""), goOn, 3},
		"nothing with status 400":        {status(400, ""), goOn, 1},
		"nothing with status 409":        {status(409, ""), goOn, 1},
		"nothing with status 501":        {status(501, ""), goOn, 1},
		"a message without a name, 400":  {status(400, `{"Message": "no"}`), goOn, 1},
		"HTML with status 400":           {status(400, "<html>What?</html>"), goOn, 1},
		"HTML with status 300":           {status(300, "<html>Which one?</html>"), goOn, 1},
		"HTML with status 302":           {status(302, "<html>Over there</html>"), goOn, 1},
		"HTML with status 200":           {status(200, "<html>Welcome</html>"), goOn, 3},
		"text":                           {status(200, "OK"), goOn, 3},
		"an array":                       {status(200, `[]`), goOn, 3},
		"errors that are no array":       {status(200, `{"UserErrors": {}}`), goOn, 3},
		"an error that is no object":     {status(200, `{"UserErrors": ["ada"]}`), goOn, 3},
		"JSON that ends too early":       {status(200, `{"UserErrors": [`), goOn, 3},
		"a body cut in the middle":       {cut(200, `{"UserErrors": [`), goOn, 3},
		"a body cut before it began":     {cut(200, ``), goOn, 3},
		"a connection cut":               {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, goOn, 3},
		"no answer in time":              {hang, goOn, 3},
		"an answer not finished in time": {hangAfter(`{"UserErrors": [`), goOn, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				handler, attempts := counted(test.answer)
				answer, err := chime.NewClient(serve(t, handler)).Suspend(t.Context(), "corp", users("ada", "bob"))
				if err == nil {
					t.Error("there is no error")
				}
				want := suspension.Result{Code: "RequestFailed"}
				diff := cmp.Diff(suspension.Answer{Results: []suspension.Result{want, want}, Effect: test.wantEffect}, answer, ignoreMessages)
				if diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if answer.Results[0].Message == "" {
					t.Error("there is no message")
				}
				if got := int(attempts.Load()); got != test.wantAttempts {
					t.Errorf("%d attempts, want %d", got, test.wantAttempts)
				}
			})
		})
	}
}

func TestTheThirdAttemptMaySucceed(t *testing.T) {
	for _, exception := range []string{"ThrottledClientException", "ServiceFailureException"} {
		t.Run(exception, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, server := company(t, chimeserver.Account{
					AccountID: "corp", AccountType: types.AccountTypeTeam, Users: []chimeserver.User{{UserID: "ada"}},
					Fault: &chimeserver.Fault{RefuseWith: exception, Times: aws.Int(2)},
				})
				answer, err := chime.NewClient(serve(t, server)).Suspend(t.Context(), "corp", users("ada"))
				if err != nil || answer.Results[0].Outcome != suspension.Suspended || server.Calls()["corp"] != 3 {
					t.Errorf("got %+v and error %v after %d attempts, want success after 3", answer, err, server.Calls()["corp"])
				}
			})
		})
	}
}

func TestAttemptsAreNotForTheConfigurationToSay(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "7")
	t.Setenv("AWS_RETRY_MODE", "adaptive")
	fromEnvironment, err := config.LoadDefaultConfig(t.Context(), config.WithSharedConfigFiles([]string{}), config.WithSharedCredentialsFiles([]string{}))
	if err != nil || fromEnvironment.RetryMaxAttempts != 7 {
		t.Fatalf("got %d attempts in the configuration and error %v", fromEnvironment.RetryMaxAttempts, err)
	}
	for name, configured := range map[string]aws.Config{
		"environment": fromEnvironment,
		"one":         {RetryMaxAttempts: 1},
		"ten":         {RetryMaxAttempts: 10},
		"no retryer":  {Retryer: func() aws.Retryer { return aws.NopRetryer{} }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				handler, attempts := counted(status(503, ""))
				cfg := serve(t, handler)
				cfg.RetryMaxAttempts, cfg.RetryMode, cfg.Retryer = configured.RetryMaxAttempts, configured.RetryMode, configured.Retryer
				if _, err := chime.NewClient(cfg).Suspend(t.Context(), "corp", users("ada")); err == nil || attempts.Load() != 3 {
					t.Errorf("got error %v after %d attempts, want one after 3", err, attempts.Load())
				}
			})
		})
	}
}

func TestRetriesAreNotRationed(t *testing.T) {
	for name, failing := range map[string]http.HandlerFunc{"failures": status(503, ""), "time-outs": hang} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const calls = 100 // The SDK's quota would end after 25 of time-outs, 50 of others.
				handler, attempts := counted(failing)
				client := chime.NewClient(serve(t, handler))
				var group sync.WaitGroup
				for range calls {
					group.Go(func() {
						if _, err := client.Suspend(t.Context(), "corp", users("ada")); err == nil {
							t.Error("there is no error")
						}
					})
				}
				group.Wait()
				if got := attempts.Load(); got != 3*calls {
					t.Errorf("%d attempts, want %d", got, 3*calls)
				}
			})
		})
	}
}

func TestTheDeadlineEndsACall(t *testing.T) {
	const deadline = 5 * time.Second
	for name, test := range map[string]struct {
		answer       http.HandlerFunc
		wait         time.Duration // before the call
		wantAttempts int32
	}{
		"before it began":           {status(200, ""), deadline, 0},
		"while it waits":            {hang, 0, 1},
		"while it reads the answer": {hangAfter(`{"UserErrors": [`), 0, 1},
		"before it is repeated":     {status(503, ""), deadline - 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				handler, attempts := counted(test.answer)
				client := chime.NewClient(serve(t, handler))
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				defer cancel()
				time.Sleep(test.wait)
				synctest.Wait()
				answer, err := client.Suspend(ctx, "corp", users("ada", "bob"))
				if err == nil {
					t.Error("there is no error")
				}
				want := suspension.Result{
					Outcome: suspension.Retry, Code: "DeadlineExceeded",
					Message: "The function's time was up before Chime had answered: give it more time or smaller batches.",
				}
				if diff := cmp.Diff(suspension.Answer{Results: []suspension.Result{want, want}}, answer); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if got := attempts.Load(); got != test.wantAttempts {
					t.Errorf("%d attempts, want %d", got, test.wantAttempts)
				}
				if took := time.Since(start); took != deadline {
					t.Errorf("it took %v, want %v", took, deadline)
				}
			})
		})
	}
}

func TestNothingIsSentWithoutCredentials(t *testing.T) {
	for name, cause := range map[string]error{
		"none":                       errors.New("no EC2 IMDS role found"),
		"one worth another try":      os.ErrDeadlineExceeded,
		"a time-out of their source": context.DeadlineExceeded,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				handler, attempts := counted(status(200, ""))
				cfg := serve(t, handler)
				asked := 0
				cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
					asked++
					return aws.Credentials{}, cause
				})
				answer, err := chime.NewClient(cfg).Suspend(t.Context(), "corp", users("ada", "bob"))
				if !errors.Is(err, cause) {
					t.Errorf("got error %v, want %v", err, cause)
				}
				want := suspension.Result{Outcome: suspension.Retry, Code: "RequestFailed"}
				diff := cmp.Diff(suspension.Answer{Results: []suspension.Result{want, want}, Effect: suspension.StopEvent}, answer, ignoreMessages)
				if diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if asked != 1 || attempts.Load() != 0 {
					t.Errorf("credentials were asked for %d times and %d requests sent, want 1 and 0", asked, attempts.Load())
				}
			})
		})
	}
}

var ignoreMessages = cmpopts.IgnoreFields(suspension.Result{}, "Message")

func users(ids ...string) []*suspension.User {
	users := make([]*suspension.User, len(ids))
	for i, id := range ids {
		users[i] = &suspension.User{ID: id}
	}
	return users
}

// errorsOf returns an answer with errors, each given as user ID, code and, if it has one, message.
func errorsOf(userErrors ...string) string {
	body := `{"UserErrors": [`
	for i, e := range userErrors {
		if i > 0 {
			body += ", "
		}
		var id, code, message string
		_, _ = fmt.Sscan(e, &id, &code, &message) // The message may be missing.
		body += fmt.Sprintf(`{"UserId": %q, "ErrorCode": %q, "ErrorMessage": %q}`, id, code, message)
	}
	return body + `]}`
}

func company(t *testing.T, account chimeserver.Account) (*chimeserver.Directory, *chimeserver.Server) {
	t.Helper()
	directory := chimeserver.NewDirectory()
	if err := directory.AddAccount(account); err != nil {
		t.Fatal(err)
	}
	return directory, chimeserver.New(directory)
}

// serve starts an HTTP server whose connections are pipes, so that in a synctest bubble waiting takes no time, and returns
// what a client of it needs.
func serve(t *testing.T, handler http.Handler) aws.Config {
	t.Helper()
	pipes := &listener{connections: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(pipes) }() // It returns when the server is closed.
	transport := &http.Transport{DialContext: pipes.dial}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return aws.Config{
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		BaseEndpoint: aws.String("http://chime.test"),
		HTTPClient:   &http.Client{Transport: transport, Timeout: attemptTimeout},
	}
}

// listener accepts the other ends of pipes that are dialled.
type listener struct {
	connections chan net.Conn
	closed      chan struct{}
}

func (l *listener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.connections <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.connections:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	close(l.closed)
	return nil
}

func (l *listener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// counted returns the handler and how often it was asked.
func counted(handler http.HandlerFunc) (http.Handler, *atomic.Int32) {
	var count atomic.Int32
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		count.Add(1)
		handler(w, r)
	}), &count
}

func write(w io.Writer, body string) {
	_, _ = io.WriteString(w, body) // The client says what is missing.
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		write(w, body)
	}
}

// cut promises more than the body and closes the connection behind it.
func cut(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		status(code, body)(w, r)
	}
}

// hang waits until the client gives up.
func hang(w http.ResponseWriter, r *http.Request) { hangAfter("")(w, r) }

// hangAfter does so in the middle of its answer.
func hangAfter(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // Only then the server watches for the client to go.
		if body != "" {
			time.Sleep(time.Millisecond) // For the bubble to let the client finish its request, or it breaks the connection.
			write(w, body)
			_ = http.NewResponseController(w).Flush() // The client says what is missing.
		}
		<-r.Context().Done()
	}
}
