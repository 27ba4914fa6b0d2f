package conformance

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"chime-offboarding/internal/local/chimeserver"
	"chime-offboarding/internal/local/peers"
)

// directory is whom the clients find.
const directory = `{"accounts": [
	{"accountId": "corp", "name": "Example Corp", "accountType": "EnterpriseLWA", "users": [
		{"userId": "ada", "primaryEmail": "ada+x@example.com", "displayName": "Ada Lovelace"},
		{"userId": "bob", "primaryEmail": "bob@example.com", "status": "Unregistered"},
		{"userId": "Zoë/ü +%?#", "displayName": "Zoë 🚪"}
	]},
	{"accountId": "team", "name": "Example Team", "accountType": "Team", "users": [{"userId": "ada"}, {"userId": "bob"}]},
	{"accountId": "crowd", "accountType": "EnterpriseLWA", "users": [{"userId": "1"}, {"userId": "2"}, {"userId": "3"}, {"userId": "4"}, {"userId": "5"}]},
	{"accountId": "troubled", "accountType": "EnterpriseLWA", "users": [
		{"userId": "fine"},
		{"userId": "u1", "fault": {"userErrorCode": "Throttled"}},
		{"userId": "u2", "fault": {"userErrorCode": "Tired today"}},
		{"userId": "u3", "fault": {"userErrorCode": ""}},
		{"userId": "refused", "fault": {"refuseWith": "BadRequestException"}}
	]},
	{"accountId": "BadRequest", "accountType": "Team", "fault": {"refuseWith": "BadRequestException"}},
	{"accountId": "UnauthorizedClient", "accountType": "Team", "fault": {"refuseWith": "UnauthorizedClientException"}},
	{"accountId": "Forbidden", "accountType": "Team", "fault": {"refuseWith": "ForbiddenException"}},
	{"accountId": "NotFound", "accountType": "Team", "fault": {"refuseWith": "NotFoundException"}},
	{"accountId": "ThrottledClient", "accountType": "Team", "fault": {"refuseWith": "ThrottledClientException"}},
	{"accountId": "ServiceFailure", "accountType": "Team", "fault": {"refuseWith": "ServiceFailureException"}},
	{"accountId": "ServiceUnavailable", "accountType": "Team", "fault": {"refuseWith": "ServiceUnavailableException"}},
	{"accountId": "AccessDenied", "accountType": "Team", "fault": {"refuseWith": "AccessDeniedException", "httpStatus": 403}},
	{"accountId": "Unheard", "accountType": "Team", "fault": {"refuseWith": "UnheardOfException", "httpStatus": 418}}
]}`

// call is a call of the API and what is to come of it. The calls are made in their order.
type call struct {
	name      string
	operation string // as the AWS CLI calls it
	input     string // JSON, as is output
	pageSize  int    // of a list, so that the client asks for page after page; 0 leaves it to the stand-in
	unsigned  bool
	requests  int32 // how many the stand-in gets

	output string
	refusal
}

// refusal is what comes of a call instead of an output.
type refusal struct {
	Exception string `json:"exception"`
	Message   string `json:"message"`

	// The AWS CLI does not tell these.
	Status int    `json:"status"` // of HTTP
	Class  string `json:"class"`  // of the exception in boto3
	Code   string `json:"code"`   // of the exception as Chime's API declares it
}

// declared is a refusal with an exception that the operation declares.
func declared(exception, code string, status int, message string) refusal {
	return refusal{exception, message, status, exception, code}
}

// undeclared is a refusal with an exception that no operation declares.
func undeclared(exception string, status int, message string) refusal {
	return refusal{exception, message, status, "ClientError", ""}
}

var (
	noSuch     = declared("NotFoundException", "NotFound", 404, "One or more of the resources in the request does not exist in the system.")
	noBatch    = declared("BadRequestException", "BadRequest", 400, "The body must be JSON with a UserIdList of 1 to 50 user IDs.")
	badRequest = declared("BadRequestException", "BadRequest", 400, "The input parameters don't match the service's restrictions.")
)

const (
	ada = `{"UserId": "ada", "AccountId": "corp", "PrimaryEmail": "ada+x@example.com", "DisplayName": "Ada Lovelace",
		"UserType": "PrivateUser", "UserRegistrationStatus": "STATUS"}`
	bob = `{"UserId": "bob", "AccountId": "corp", "PrimaryEmail": "bob@example.com",
		"UserType": "PrivateUser", "UserRegistrationStatus": "Unregistered"}`
	zoe = `{"UserId": "Zoë/ü +%?#", "AccountId": "corp", "DisplayName": "Zoë 🚪",
		"UserType": "PrivateUser", "UserRegistrationStatus": "Registered"}`
)

func is(user, status string) string { return strings.Replace(user, "STATUS", status, 1) }

func crowd(ids ...string) string {
	users := make([]string, len(ids))
	for i, id := range ids {
		users[i] = `{"UserId": "` + id + `", "AccountId": "crowd", "UserType": "PrivateUser", "UserRegistrationStatus": "Registered"}`
	}
	return `"Users": [` + strings.Join(users, ", ") + `]`
}

func numberedUsers(n int) string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = strconv.Quote("user-" + strconv.Itoa(i))
	}
	return "[" + strings.Join(ids, ", ") + "]"
}

const nobody = `{"UserErrors": [{"UserId": "nobody", "ErrorCode": "NotFound", "ErrorMessage": "The account has no such user."}]}`

var calls = []call{
	{name: "an account", operation: "get-account", input: `{"AccountId": "corp"}`, output: `{"Account": {
		"AwsAccountId": "111122223333", "AccountId": "corp", "Name": "Example Corp", "AccountType": "EnterpriseLWA", "AccountStatus": "Active"}}`},
	{name: "a user", operation: "get-user", input: `{"AccountId": "corp", "UserId": "ada"}`, output: `{"User": ` + is(ada, "Registered") + `}`},
	{name: "a user whose ID has to be escaped", operation: "get-user", input: `{"AccountId": "corp", "UserId": "Zoë/ü +%?#"}`, output: `{"User": ` + zoe + `}`},
	{name: "all users", operation: "list-users", input: `{"AccountId": "corp"}`, output: `{"Users": [` + is(ada, "Registered") + `, ` + bob + `, ` + zoe + `]}`},
	{name: "users page by page", operation: "list-users", input: `{"AccountId": "crowd"}`, pageSize: 2, requests: 3, output: `{` + crowd("1", "2", "3", "4", "5") + `}`},
	{name: "users of one page", operation: "list-users", input: `{"AccountId": "crowd", "MaxResults": 2}`, output: `{` + crowd("1", "2") + `, "NextToken": "2"}`},
	{name: "users of the next page", operation: "list-users", input: `{"AccountId": "crowd", "MaxResults": 2, "NextToken": "2"}`, output: `{` + crowd("3", "4") + `, "NextToken": "4"}`},
	{name: "the user with an address", operation: "list-users", input: `{"AccountId": "corp", "UserEmail": "ADA+x@example.com"}`, output: `{"Users": [` + is(ada, "Registered") + `]}`},
	{name: "nobody with an address", operation: "list-users", input: `{"AccountId": "corp", "UserEmail": "eve@example.com"}`, output: `{"Users": []}`},
	{name: "no shared device", operation: "list-users", input: `{"AccountId": "corp", "UserType": "SharedDevice"}`, output: `{"Users": []}`},
	{name: "suspending", operation: "batch-suspend-user", input: `{"AccountId": "corp", "UserIdList": ["ada"]}`, output: `{"UserErrors": []}`},
	{name: "a suspended user", operation: "get-user", input: `{"AccountId": "corp", "UserId": "ada"}`, output: `{"User": ` + is(ada, "Suspended") + `}`},
	{name: "ending a suspension, of nobody too", operation: "batch-unsuspend-user", input: `{"AccountId": "corp", "UserIdList": ["ada", "nobody"]}`, output: nobody},
	{name: "a user who was suspended", operation: "get-user", input: `{"AccountId": "corp", "UserId": "ada"}`, output: `{"User": ` + is(ada, "Registered") + `}`},
	{name: "suspending in a team, nobody too", operation: "batch-suspend-user", input: `{"AccountId": "team", "UserIdList": ["ada", "nobody"]}`, output: nobody},
	{name: "a user who has left a team", operation: "get-user", input: `{"AccountId": "team", "UserId": "ada"}`, refusal: noSuch},
	{name: "ending a suspension in a team", operation: "batch-unsuspend-user", input: `{"AccountId": "team", "UserIdList": ["ada"]}`,
		refusal: declared("BadRequestException", "BadRequest", 400, "Only users of EnterpriseLWA accounts can be unsuspended: invite them to the Team instead.")},
	{name: "UserErrors with a code, an unheard-of one and an empty one", operation: "batch-suspend-user",
		input: `{"AccountId": "troubled", "UserIdList": ["u1", "fine", "u2", "u3"]}`,
		output: `{"UserErrors": [
			{"UserId": "u1", "ErrorCode": "Throttled", "ErrorMessage": "The user's fault in the directory has struck."},
			{"UserId": "u2", "ErrorCode": "Tired today", "ErrorMessage": "The user's fault in the directory has struck."},
			{"UserId": "u3", "ErrorCode": "", "ErrorMessage": "The user's fault in the directory has struck."}]}`},
	{name: "a batch refused for one of its users", operation: "batch-suspend-user", input: `{"AccountId": "troubled", "UserIdList": ["fine", "refused"]}`, refusal: badRequest},
	{name: "suspending no user", operation: "batch-suspend-user", input: `{"AccountId": "corp", "UserIdList": []}`, refusal: noBatch},
	{name: "suspending 51 users", operation: "batch-suspend-user", input: `{"AccountId": "corp", "UserIdList": ` + numberedUsers(51) + `}`, refusal: noBatch},
	{name: "ending the suspension of 51 users", operation: "batch-unsuspend-user", input: `{"AccountId": "corp", "UserIdList": ` + numberedUsers(51) + `}`, refusal: noBatch},
	{name: "a page of too many users", operation: "list-users", input: `{"AccountId": "corp", "MaxResults": 201}`, refusal: declared("BadRequestException", "BadRequest", 400, "max-results must be a number from 1 to 200.")},
	{name: "a token that is none", operation: "list-users", input: `{"AccountId": "corp", "NextToken": "x"}`, refusal: declared("BadRequestException", "BadRequest", 400, "next-token must be the NextToken of an earlier answer.")},
	{name: "an account that is not there", operation: "get-account", input: `{"AccountId": "nobody"}`, refusal: noSuch},
	{name: "users of an account that is not there", operation: "list-users", input: `{"AccountId": "nobody"}`, refusal: noSuch},
	{name: "BadRequestException", operation: "batch-suspend-user", input: `{"AccountId": "BadRequest", "UserIdList": ["ada"]}`, refusal: badRequest},
	{name: "UnauthorizedClientException", operation: "batch-suspend-user", input: `{"AccountId": "UnauthorizedClient", "UserIdList": ["ada"]}`,
		refusal: declared("UnauthorizedClientException", "Unauthorized", 401, "The client is not currently authorized to make the request.")},
	{name: "ForbiddenException", operation: "batch-unsuspend-user", input: `{"AccountId": "Forbidden", "UserIdList": ["ada"]}`,
		refusal: declared("ForbiddenException", "Forbidden", 403, "The client is permanently forbidden from making the request.")},
	{name: "NotFoundException", operation: "batch-suspend-user", input: `{"AccountId": "NotFound", "UserIdList": ["ada"]}`, refusal: noSuch},
	{name: "ThrottledClientException", operation: "batch-suspend-user", input: `{"AccountId": "ThrottledClient", "UserIdList": ["ada"]}`,
		refusal: declared("ThrottledClientException", "Throttled", 429, "The client exceeded its request rate limit.")},
	{name: "ServiceFailureException", operation: "get-account", input: `{"AccountId": "ServiceFailure"}`,
		refusal: declared("ServiceFailureException", "ServiceFailure", 500, "The service encountered an unexpected error.")},
	{name: "ServiceUnavailableException", operation: "list-users", input: `{"AccountId": "ServiceUnavailable"}`,
		refusal: declared("ServiceUnavailableException", "ServiceUnavailable", 503, "The service is currently unavailable.")},
	{name: "an exception that only other operations declare", operation: "batch-suspend-user", input: `{"AccountId": "AccessDenied", "UserIdList": ["ada"]}`,
		refusal: refusal{"AccessDeniedException", "The request is refused.", 403, "AccessDeniedException", ""}},
	{name: "an exception that Chime does not have", operation: "get-user", input: `{"AccountId": "Unheard", "UserId": "ada"}`,
		refusal: undeclared("UnheardOfException", 418, "The request is refused.")},
	{name: "a call without a signature", operation: "get-account", input: `{"AccountId": "corp"}`, unsigned: true,
		refusal: undeclared("MissingAuthenticationTokenException", 403, "The request needs an Authorization header with a signature, version 4, for the service chime.")},
	{name: "an operation that the stand-in does not have", operation: "list-accounts", input: `{}`,
		refusal: undeclared("UnknownOperationException", 404, "The stand-in has no such operation.")},
}

// answer is what a client made of the stand-in's answer.
type answer struct {
	Output any `json:"output"`
	refusal
}

func TestChimeClients(t *testing.T) {
	for name, client := range map[string]func(t *testing.T, endpoint string) func(*testing.T, call) answer{
		"AWS CLI": awscli,
		"boto3":   boto3,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			peers.SkipUnlessAsked(t, "CONFORMANCE=1")
			users, err := chimeserver.Load(strings.NewReader(directory))
			if err != nil {
				t.Fatal(err)
			}
			var requests atomic.Int32
			handler := chimeserver.New(users)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				handler.ServeHTTP(w, r)
			}))
			t.Cleanup(server.Close)
			do := client(t, server.URL)
			for _, c := range calls {
				t.Run(c.name, func(t *testing.T) {
					requests.Store(0)
					got := do(t, c)
					want := answer{refusal: c.refusal}
					if c.output != "" {
						decode(t, []byte(c.output), &want.Output)
					}
					if name == "AWS CLI" {
						want.Status, want.Class, want.Code = 0, "", ""
					}
					if diff := cmp.Diff(want, got, cmp.AllowUnexported(answer{})); diff != "" {
						t.Errorf("answer (-want +got):\n%s", diff)
					}
					if n := requests.Load(); n != max(c.requests, 1) {
						t.Errorf("it took %d requests, want %d", n, max(c.requests, 1))
					}
				})
			}
		})
	}
}

// environment has nothing of the user's that clients of AWS read.
var environment = []string{
	"PATH=" + os.Getenv("PATH"), "PYTHONUTF8=1",
	"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret", "AWS_DEFAULT_REGION=" + region,
	"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_MAX_ATTEMPTS=1",
}

var told = regexp.MustCompile(`An error occurred \((\w+)\) when calling the \w+ operation(?: \(reached max retries: 0\))?: (.*)\n`)

// awscli runs the AWS CLI for each call.
func awscli(t *testing.T, endpoint string) func(*testing.T, call) answer {
	t.Helper()
	interpreter := peers.Python(t)
	return func(t *testing.T, c call) (got answer) {
		t.Helper()
		args := []string{"-m", "awscli", "chime", c.operation, "--cli-input-json", c.input, "--endpoint-url", endpoint, "--output", "json"}
		if c.pageSize > 0 {
			args = append(args, "--page-size", strconv.Itoa(c.pageSize))
		} else {
			args = append(args, "--no-paginate")
		}
		if c.unsigned {
			args = append(args, "--no-sign-request")
		}
		command := exec.CommandContext(t.Context(), interpreter, args...)
		command.Env = environment
		var complaint bytes.Buffer
		command.Stderr = &complaint
		output, err := command.Output()
		if err == nil {
			decode(t, output, &got.Output)
			return got
		}
		found := told.FindStringSubmatch(complaint.String())
		if found == nil {
			t.Fatalf("%v\n%s", err, &complaint)
		}
		got.Exception, got.Message = found[1], found[2]
		return got
	}
}

// boto3 has one Python process make all calls.
func boto3(t *testing.T, endpoint string) func(*testing.T, call) answer {
	t.Helper()
	command := exec.CommandContext(t.Context(), peers.Python(t), "testdata/chime.py", endpoint)
	command.Env = environment
	var complaint bytes.Buffer
	command.Stderr = &complaint
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err := errors.Join(err, command.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Wait() }) // The test's context is done by then.
	answers := jsontext.NewDecoder(stdout)
	return func(t *testing.T, c call) (got answer) {
		t.Helper()
		err := json.MarshalWrite(stdin, map[string]any{
			"operation": c.operation, "input": jsontext.Value(c.input), "pageSize": c.pageSize, "unsigned": c.unsigned,
		})
		if err == nil {
			_, err = stdin.Write([]byte("\n"))
		}
		if err := errors.Join(err, json.UnmarshalDecode(answers, &got)); err != nil {
			t.Fatalf("%v\n%s", err, &complaint)
		}
		return got
	}
}

func decode(t *testing.T, data []byte, to any) {
	t.Helper()
	if err := json.Unmarshal(data, to); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
}
