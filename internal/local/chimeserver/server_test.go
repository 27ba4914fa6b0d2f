package chimeserver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/chime"
	"github.com/aws/aws-sdk-go-v2/service/chime/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"chime-offboarding/internal/httpclient"
	"chime-offboarding/internal/local/chimeserver"
)

const signature = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/chime/aws4_request, SignedHeaders=host;x-amz-date, Signature=0"

// errorOf is what a client can tell of an error.
type errorOf struct {
	Code    string
	Status  int
	Message string
}

func TestRawRequests(t *testing.T) {
	server := httptest.NewServer(chimeserver.New(crowd(t, types.AccountTypeEnterpriseLWA, 1)))
	defer server.Close()
	const suspend = "POST /accounts/crowd/users?operation=suspend"
	for name, test := range map[string]struct {
		request       string
		authorization string
		body          string
		wantStatus    int
		wantType      string
		wantBody      string
	}{
		"a batch": {
			suspend, signature, `{"UserIdList": ["user-0"]}`,
			200, "", `{"UserErrors":[]}`,
		},
		"a batch with a UserError": {
			suspend, signature, `{"UserIdList": ["x"]}`,
			200, "", `{"UserErrors":[{"UserId":"x","ErrorCode":"NotFound","ErrorMessage":"The account has no such user."}]}`,
		},
		"a signature without spaces": {
			"GET /accounts/crowd/users?user-email=x@example.com", strings.ReplaceAll(signature, ", ", ","), ``,
			200, "", `{"Users":[]}`,
		},
		"no signature": {
			suspend, "", `{"UserIdList": ["user-0"]}`,
			403, "MissingAuthenticationTokenException", `{"Message":"The request needs an Authorization header with a signature, version 4, for the service chime."}`,
		},
		"a signature for another service": {
			suspend, strings.Replace(signature, "/chime/", "/sqs/", 1), `{"UserIdList": ["user-0"]}`,
			403, "MissingAuthenticationTokenException", `{"Message":"The request needs an Authorization header with a signature, version 4, for the service chime."}`,
		},
		"a password": {
			suspend, "Basic Zm9vOmJhcg==", `{"UserIdList": ["user-0"]}`,
			403, "MissingAuthenticationTokenException", `{"Message":"The request needs an Authorization header with a signature, version 4, for the service chime."}`,
		},
		"no body":                   {suspend, signature, ``, 400, "BadRequestException", ``},
		"a body that is not JSON":   {suspend, signature, `UserIdList=user-0`, 400, "BadRequestException", `{"Code":"BadRequest","Message":"The body must be JSON with a UserIdList of 1 to 50 user IDs."}`},
		"a body with a rest":        {suspend, signature, `{"UserIdList": ["user-0"]} {}`, 400, "BadRequestException", ``},
		"a body cut short":          {suspend, signature, `{"UserIdList": ["user-0"`, 400, "BadRequestException", ``},
		"a list of numbers":         {suspend, signature, `{"UserIdList": [0]}`, 400, "BadRequestException", ``},
		"a list with a null":        {suspend, signature, `{"UserIdList": ["user-0", null]}`, 400, "BadRequestException", ``},
		"a list under its SDK name": {suspend, signature, `{"userIdList": ["user-0"]}`, 400, "BadRequestException", ``},
		"an oversized body":         {suspend, signature, `{"UserIdList": ["user-0"]` + strings.Repeat(" ", 1<<20) + `}`, 400, "BadRequestException", ``},
		"another operation":         {"POST /accounts/crowd/users?operation=invite", signature, `{}`, 404, "UnknownOperationException", `{"Message":"The stand-in has no such operation."}`},
		"no operation":              {"POST /accounts/crowd/users", signature, `{}`, 404, "UnknownOperationException", ``},
		"another method":            {"PUT /accounts/crowd/users?operation=suspend", signature, `{}`, 404, "UnknownOperationException", ``},
		"a batch of a user":         {"POST /accounts/crowd/users/user-0?operation=suspend", signature, `{}`, 404, "UnknownOperationException", ``},
		"a path without account":    {"GET /accounts//users", signature, ``, 404, "UnknownOperationException", ``},
		"a path above the account":  {"GET /accounts/crowd/users/..", signature, ``, 404, "NotFoundException", ``},
		"the root":                  {"GET /", signature, ``, 404, "UnknownOperationException", ``},
	} {
		t.Run(name, func(t *testing.T) {
			method, target, _ := strings.Cut(test.request, " ")
			request, err := http.NewRequestWithContext(t.Context(), method, server.URL+target, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", test.authorization)
			response, err := server.Client().Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if err := errors.Join(err, response.Body.Close()); err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != test.wantStatus || response.Header.Get("x-amzn-ErrorType") != test.wantType {
				t.Errorf("got %s %q, want %d %q", response.Status, response.Header.Get("x-amzn-ErrorType"), test.wantStatus, test.wantType)
			}
			if test.wantBody != "" && string(body) != test.wantBody {
				t.Errorf("got body  %s\nwant body %s", body, test.wantBody)
			}
			if got := response.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("Content-Type is %q", got)
			}
			if got := response.Header.Get("x-amzn-RequestId"); !uuid.MatchString(got) {
				t.Errorf("x-amzn-RequestId %q is not a UUID", got)
			}
		})
	}
}

func TestIDsAreTakenAsWritten(t *testing.T) {
	ids := []string{"0a1b-_", "a/b", "a%2Fb", "a b", "a?b#c", "a+b", "Zoë", "..", "%"}
	directory := chimeserver.NewDirectory()
	users := make([]chimeserver.User, len(ids))
	for i, id := range ids {
		users[i].UserID = id
	}
	for _, id := range ids {
		addAccount(t, directory, chimeserver.Account{AccountID: id, Name: "The one called " + id, AccountType: types.AccountTypeEnterpriseLWA, Users: users})
	}
	client := serve(t, chimeserver.New(directory))
	for _, id := range ids {
		t.Run(id, func(t *testing.T) {
			account, err := client.GetAccount(t.Context(), &chime.GetAccountInput{AccountId: &id})
			if err != nil {
				t.Fatal(err)
			}
			if want := "The one called " + id; *account.Account.Name != want {
				t.Errorf("got account %q, want %q", *account.Account.Name, want)
			}
			suspend(t, client, id, id)
			if got := status(t, client, id, id); got != types.RegistrationStatusSuspended {
				t.Errorf("the user is %s, want Suspended", got)
			}
		})
	}
}

func TestEachSuspensionIsCountedAndObserved(t *testing.T) {
	server := chimeserver.New(load(t, `{"accounts": [
		{"accountId": "corp", "accountType": "EnterpriseLWA", "fault": {"refuseWith": "ForbiddenException", "times": 1}, "users": [{"userId": "ada"}]}
	]}`))
	var calls []chimeserver.Call
	server.Observe = func(call chimeserver.Call) { calls = append(calls, call) }
	client := serve(t, server)

	input := &chime.BatchSuspendUserInput{AccountId: aws.String("corp"), UserIdList: []string{"ada", "nobody"}}
	_, err := client.BatchSuspendUser(t.Context(), input)
	refused, ok := errors.AsType[*awshttp.ResponseError](err)
	if !ok {
		t.Fatalf("the first call got error %v, want a refusal", err)
	}
	suspend(t, client, "corp", input.UserIdList...)
	_, err = client.BatchSuspendUser(t.Context(), &chime.BatchSuspendUserInput{AccountId: aws.String("unknown"), UserIdList: []string{"ada"}})
	checkError(t, err, notFound)
	if _, err := unsuspend(t, client, "corp", "ada"); err != nil {
		t.Fatal(err)
	}

	if len(calls) != 3 || calls[0].RequestID != refused.RequestID || calls[1].RequestID == calls[0].RequestID {
		t.Fatalf("observed %+v, want three calls, the first with request ID %s", calls, refused.RequestID)
	}
	for i := range calls {
		calls[i].RequestID = ""
	}
	want := []chimeserver.Call{
		{AccountID: "corp", UserIDs: input.UserIdList, Exception: "ForbiddenException"},
		{AccountID: "corp", UserIDs: input.UserIdList, UserErrors: []chimeserver.UserError{
			{UserID: "nobody", ErrorCode: types.ErrorCodeNotFound, ErrorMessage: "The account has no such user."},
		}},
		{AccountID: "unknown", UserIDs: []string{"ada"}, Exception: "NotFoundException"},
	}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"corp": 2, "unknown": 1}, server.Calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	const clients, batch = 8, 25
	directory := crowd(t, types.AccountTypeTeam, clients*batch)
	server := chimeserver.New(directory)
	var mu sync.Mutex
	observed := 0
	server.Observe = func(chimeserver.Call) {
		mu.Lock()
		defer mu.Unlock()
		observed++
	}
	client := serve(t, server)
	ids := userIDs(clients * batch)
	var group sync.WaitGroup
	for mine := range slices.Chunk(ids, batch) {
		group.Go(func() {
			if failed := suspend(t, client, "crowd", mine...); len(failed) > 0 {
				t.Errorf("got UserErrors %v, want none", failed)
			}
			list(t, client, &chime.ListUsersInput{AccountId: aws.String("crowd")})
			directory.Suspended()
			server.Calls()
		})
	}
	group.Wait()
	slices.Sort(ids)
	if diff := cmp.Diff(map[string][]string{"crowd": ids}, directory.Suspended()); diff != "" {
		t.Errorf("suspended (-want +got):\n%s", diff)
	}
	if got := server.Calls()["crowd"]; got != clients || observed != clients {
		t.Errorf("%d calls counted and %d observed, want %d", got, observed, clients)
	}
}

func TestLatencyHoldsTheAnswerBack(t *testing.T) {
	for name, test := range map[string]struct {
		patience time.Duration
		wantWait time.Duration
		wantBody string
	}{
		"from a patient client":               {time.Second, 100 * time.Millisecond, `{"UserErrors":[]}`},
		"until the client gives up, too late": {30 * time.Millisecond, 30 * time.Millisecond, ``},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				directory := crowd(t, types.AccountTypeTeam, 1)
				server := chimeserver.New(directory)
				server.Latency = 100 * time.Millisecond
				ctx, cancel := context.WithTimeout(t.Context(), test.patience)
				defer cancel()
				request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/accounts/crowd/users?operation=suspend", strings.NewReader(`{"UserIdList": ["user-0"]}`))
				request.Header.Set("Authorization", signature)
				answer := httptest.NewRecorder()
				start := time.Now()
				server.ServeHTTP(answer, request)
				if waited := time.Since(start); waited != test.wantWait {
					t.Errorf("waited %v, want %v", waited, test.wantWait)
				}
				if got := answer.Body.String(); got != test.wantBody {
					t.Errorf("got body %q, want %q", got, test.wantBody)
				}
				if diff := cmp.Diff(map[string][]string{"crowd": {"user-0"}}, directory.Suspended()); diff != "" {
					t.Errorf("suspended (-want +got):\n%s", diff)
				}
			})
		})
	}
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// serve starts the server and returns a client that does not repeat its calls.
func serve(t *testing.T, server *chimeserver.Server) *chime.Client {
	t.Helper()
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	return chime.New(chime.Options{
		BaseEndpoint: &listener.URL,
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		HTTPClient:   httpclient.New(0),
		Retryer:      aws.NopRetryer{},
	})
}

// crowd returns a directory with an account "crowd" of that many users.
func crowd(t *testing.T, accountType types.AccountType, size int) *chimeserver.Directory {
	t.Helper()
	users := make([]chimeserver.User, size)
	for i, id := range userIDs(size) {
		users[i].UserID = id
	}
	directory := chimeserver.NewDirectory()
	addAccount(t, directory, chimeserver.Account{AccountID: "crowd", AccountType: accountType, Users: users})
	return directory
}

// userIDs returns user-0, user-1 and so on.
func userIDs(count int) []string {
	ids := make([]string, count)
	for i := range ids {
		ids[i] = fmt.Sprintf("user-%d", i)
	}
	return ids
}

func suspend(t *testing.T, client *chime.Client, accountID string, userIDs ...string) []string {
	t.Helper()
	output, err := client.BatchSuspendUser(t.Context(), &chime.BatchSuspendUserInput{AccountId: &accountID, UserIdList: userIDs})
	if err != nil {
		t.Error(err)
		return nil
	}
	return failures(output.UserErrors)
}

func unsuspend(t *testing.T, client *chime.Client, accountID string, userIDs ...string) ([]string, error) {
	t.Helper()
	output, err := client.BatchUnsuspendUser(t.Context(), &chime.BatchUnsuspendUserInput{AccountId: &accountID, UserIdList: userIDs})
	if err != nil {
		return nil, err
	}
	return failures(output.UserErrors), nil
}

// failures writes each UserError as its user and code.
func failures(userErrors []types.UserError) []string {
	var failed []string
	for _, e := range userErrors {
		failed = append(failed, *e.UserId+" "+string(e.ErrorCode))
	}
	return failed
}

func status(t *testing.T, client *chime.Client, accountID, userID string) types.RegistrationStatus {
	t.Helper()
	output, err := client.GetUser(t.Context(), &chime.GetUserInput{AccountId: &accountID, UserId: &userID})
	if err != nil {
		t.Fatal(err)
	}
	return output.User.UserRegistrationStatus
}

func list(t *testing.T, client *chime.Client, input *chime.ListUsersInput) (ids []string, next *string) {
	t.Helper()
	output, err := client.ListUsers(t.Context(), input)
	if err != nil {
		t.Error(err)
		return nil, nil
	}
	for _, u := range output.Users {
		ids = append(ids, *u.UserId)
	}
	return ids, output.NextToken
}

// checkError compares an error of the SDK; the zero errorOf stands for none.
func checkError(t *testing.T, err error, want errorOf) {
	t.Helper()
	var got errorOf
	if refused, ok := errors.AsType[smithy.APIError](err); ok {
		got.Code, got.Message = refused.ErrorCode(), refused.ErrorMessage()
	}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		got.Status = response.HTTPStatusCode()
		if !uuid.MatchString(response.ServiceRequestID()) {
			t.Errorf("request ID %q is not a UUID", response.ServiceRequestID())
		}
	} else if err != nil {
		t.Errorf("got error %v, which is no answer", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}
