package chimeserver_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/chime"
	"github.com/aws/aws-sdk-go-v2/service/chime/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"chime-offboarding/internal/local/chimeserver"
)

var (
	notFound   = errorOf{"NotFoundException", 404, "One or more of the resources in the request does not exist in the system."}
	noBatch    = errorOf{"BadRequestException", 400, "The body must be JSON with a UserIdList of 1 to 50 user IDs."}
	badRequest = errorOf{"BadRequestException", 400, "The input parameters don't match the service's restrictions."}
	noRoute    = errorOf{"UnknownOperationException", 404, "The stand-in has no such operation."}

	// exported leaves out what the SDK's types keep to themselves.
	exported = cmp.FilterPath(func(path cmp.Path) bool {
		field, ok := path.Last().(cmp.StructField)
		return ok && field.Name() == "noSmithyDocumentSerde"
	}, cmp.Ignore())
)

func TestGetAccount(t *testing.T) {
	client := serve(t, chimeserver.New(load(t, `{"accounts": [{"accountId": "corp", "name": "Corp", "accountType": "EnterpriseLWA"}]}`)))
	got, err := client.GetAccount(t.Context(), &chime.GetAccountInput{AccountId: aws.String("corp")})
	if err != nil {
		t.Fatal(err)
	}
	want := types.Account{
		AwsAccountId:  aws.String("111122223333"),
		AccountId:     aws.String("corp"),
		Name:          aws.String("Corp"),
		AccountType:   types.AccountTypeEnterpriseLWA,
		AccountStatus: types.AccountStatusActive,
	}
	if diff := cmp.Diff(want, *got.Account, exported); diff != "" {
		t.Errorf("account (-want +got):\n%s", diff)
	}
}

func TestGetUser(t *testing.T) {
	client := serve(t, chimeserver.New(load(t, `{"accounts": [{"accountId": "corp", "accountType": "EnterpriseLWA", "users": [
		{"userId": "ada", "primaryEmail": "ada@example.com", "displayName": "Ada Lovelace", "status": "Unregistered"}
	]}]}`)))
	got, err := client.GetUser(t.Context(), &chime.GetUserInput{AccountId: aws.String("corp"), UserId: aws.String("ada")})
	if err != nil {
		t.Fatal(err)
	}
	want := types.User{
		UserId:                 aws.String("ada"),
		AccountId:              aws.String("corp"),
		PrimaryEmail:           aws.String("ada@example.com"),
		DisplayName:            aws.String("Ada Lovelace"),
		UserType:               types.UserTypePrivateUser,
		UserRegistrationStatus: types.RegistrationStatusUnregistered,
	}
	if diff := cmp.Diff(want, *got.User, exported); diff != "" {
		t.Errorf("user (-want +got):\n%s", diff)
	}
}

func TestAnEnterpriseUserIsSuspendedAndBroughtBack(t *testing.T) {
	directory := load(t, `{"accounts": [{"accountId": "corp", "accountType": "EnterpriseLWA", "users": [
		{"userId": "ada"}, {"userId": "bob", "status": "Unregistered"}
	]}]}`)
	client := serve(t, chimeserver.New(directory))
	for range 2 {
		if failed := suspend(t, client, "corp", "ada", "ada"); len(failed) > 0 {
			t.Errorf("suspending got %v, want no UserErrors", failed)
		}
		if got := status(t, client, "corp", "ada"); got != types.RegistrationStatusSuspended {
			t.Errorf("after suspending, ada is %s, want Suspended", got)
		}
		if diff := cmp.Diff(map[string][]string{"corp": {"ada"}}, directory.Suspended()); diff != "" {
			t.Errorf("suspended (-want +got):\n%s", diff)
		}
	}

	failed, err := unsuspend(t, client, "corp", "ada", "bob", "nobody")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"nobody NotFound"}, failed); diff != "" {
		t.Errorf("unsuspending, UserErrors (-want +got):\n%s", diff)
	}
	if got := status(t, client, "corp", "ada"); got != types.RegistrationStatusRegistered {
		t.Errorf("after unsuspending, ada is %s, want Registered", got)
	}
	if got := status(t, client, "corp", "bob"); got != types.RegistrationStatusUnregistered {
		t.Errorf("after unsuspending, bob, who was not suspended, is %s, want Unregistered", got)
	}
}

func TestATeamUserLeaves(t *testing.T) {
	directory := load(t, `{"accounts": [{"accountId": "team", "accountType": "Team", "users": [{"userId": "ada"}, {"userId": "bob"}]}]}`)
	client := serve(t, chimeserver.New(directory))
	if failed := suspend(t, client, "team", "ada"); len(failed) > 0 {
		t.Errorf("suspending got %v, want no UserErrors", failed)
	}
	if diff := cmp.Diff([]string{"ada NotFound"}, suspend(t, client, "team", "ada")); diff != "" {
		t.Errorf("suspending again, UserErrors (-want +got):\n%s", diff)
	}
	_, err := client.GetUser(t.Context(), &chime.GetUserInput{AccountId: aws.String("team"), UserId: aws.String("ada")})
	checkError(t, err, notFound)
	users, _ := list(t, client, &chime.ListUsersInput{AccountId: aws.String("team")})
	if diff := cmp.Diff([]string{"bob"}, users); diff != "" {
		t.Errorf("users (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string][]string{"team": {"ada"}}, directory.Suspended()); diff != "" {
		t.Errorf("suspended (-want +got):\n%s", diff)
	}
	_, err = unsuspend(t, client, "team", "ada")
	checkError(t, err, errorOf{"BadRequestException", 400, "Only users of EnterpriseLWA accounts can be unsuspended: invite them to the Team instead."})
}

func TestAnUnknownUserDoesNotStopTheOthers(t *testing.T) {
	directory := load(t, `{"accounts": [{"accountId": "corp", "accountType": "EnterpriseLWA", "users": [{"userId": "ada"}, {"userId": "bob"}]}]}`)
	failed := suspend(t, serve(t, chimeserver.New(directory)), "corp", "ada", "nobody", "bob")
	if diff := cmp.Diff([]string{"nobody NotFound"}, failed); diff != "" {
		t.Errorf("UserErrors (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string][]string{"corp": {"ada", "bob"}}, directory.Suspended()); diff != "" {
		t.Errorf("suspended (-want +got):\n%s", diff)
	}
}

func TestListUsersFilters(t *testing.T) {
	client := serve(t, chimeserver.New(load(t, `{"accounts": [{"accountId": "corp", "accountType": "EnterpriseLWA", "users": [
		{"userId": "ada", "primaryEmail": "ada+x@example.com"}, {"userId": "bob", "primaryEmail": "bob@example.com"}, {"userId": "robot"}
	]}]}`)))
	for name, test := range map[string]struct {
		input chime.ListUsersInput
		want  []string
	}{
		"nothing asked lists all":       {chime.ListUsersInput{}, []string{"ada", "bob", "robot"}},
		"an address lists its user":     {chime.ListUsersInput{UserEmail: aws.String("Ada+X@example.com")}, []string{"ada"}},
		"an unknown address lists none": {chime.ListUsersInput{UserEmail: aws.String("eve@example.com")}, nil},
		"private users are all":         {chime.ListUsersInput{UserType: types.UserTypePrivateUser}, []string{"ada", "bob", "robot"}},
		"shared devices are none":       {chime.ListUsersInput{UserType: types.UserTypeSharedDevice}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			test.input.AccountId = aws.String("corp")
			users, next := list(t, client, &test.input)
			if diff := cmp.Diff(test.want, users); diff != "" || next != nil {
				t.Errorf("next token %v, users (-want +got):\n%s", next, diff)
			}
		})
	}
}

func TestListUsersComesInPages(t *testing.T) {
	client := serve(t, chimeserver.New(crowd(t, types.AccountTypeTeam, 250)))
	for name, test := range map[string]struct {
		size *int32
		want []int
	}{
		"of 100 unless asked otherwise": {nil, []int{100, 100, 50}},
		"of 200 at most":                {aws.Int32(200), []int{200, 50}},
		"that come out even":            {aws.Int32(125), []int{125, 125}},
	} {
		t.Run(name, func(t *testing.T) {
			var sizes []int
			seen := make(map[string]bool)
			pages := chime.NewListUsersPaginator(client, &chime.ListUsersInput{AccountId: aws.String("crowd"), MaxResults: test.size})
			for pages.HasMorePages() {
				page, err := pages.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				sizes = append(sizes, len(page.Users))
				for _, u := range page.Users {
					seen[*u.UserId] = true
				}
			}
			if diff := cmp.Diff(test.want, sizes); diff != "" || len(seen) != 250 {
				t.Errorf("%d different users, page sizes (-want +got):\n%s", len(seen), diff)
			}
		})
	}
}

func TestAPageTokenStaysGoodWhenUsersLeave(t *testing.T) {
	client := serve(t, chimeserver.New(crowd(t, types.AccountTypeTeam, 5)))
	first, next := list(t, client, &chime.ListUsersInput{AccountId: aws.String("crowd"), MaxResults: aws.Int32(2)})
	suspend(t, client, "crowd", "user-0", "user-2")
	second, _ := list(t, client, &chime.ListUsersInput{AccountId: aws.String("crowd"), NextToken: next})
	if diff := cmp.Diff([]string{"user-0", "user-1", "user-3", "user-4"}, slices.Concat(first, second)); diff != "" {
		t.Errorf("users (-want +got):\n%s", diff)
	}
}

func TestBadInputIsRefused(t *testing.T) {
	client := serve(t, chimeserver.New(crowd(t, types.AccountTypeEnterpriseLWA, 51)))
	type call func(context.Context) error
	suspendUsers := func(accountID string, userIDs ...string) call {
		return func(ctx context.Context) error {
			_, err := client.BatchSuspendUser(ctx, &chime.BatchSuspendUserInput{AccountId: &accountID, UserIdList: userIDs})
			return err
		}
	}
	listUsers := func(accountID string, input chime.ListUsersInput) call {
		return func(ctx context.Context) error {
			input.AccountId = &accountID
			_, err := client.ListUsers(ctx, &input)
			return err
		}
	}
	getAccount := func(ctx context.Context) error {
		_, err := client.GetAccount(ctx, &chime.GetAccountInput{AccountId: aws.String("nobody")})
		return err
	}
	getUser := func(ctx context.Context) error {
		_, err := client.GetUser(ctx, &chime.GetUserInput{AccountId: aws.String("crowd"), UserId: aws.String("nobody")})
		return err
	}
	listAccounts := func(ctx context.Context) error {
		_, err := client.ListAccounts(ctx, &chime.ListAccountsInput{})
		return err
	}
	badSize := errorOf{"BadRequestException", 400, "max-results must be a number from 1 to 200."}
	badToken := errorOf{"BadRequestException", 400, "next-token must be the NextToken of an earlier answer."}
	for name, test := range map[string]struct {
		call call
		want errorOf
	}{
		"no users":                       {suspendUsers("crowd", []string{}...), noBatch},
		"one user":                       {suspendUsers("crowd", userIDs(1)...), errorOf{}},
		"50 users":                       {suspendUsers("crowd", userIDs(50)...), errorOf{}},
		"51 users":                       {suspendUsers("crowd", userIDs(51)...), noBatch},
		"a blank user ID":                {suspendUsers("crowd", "user-0", " "), noBatch},
		"an unknown account to suspend":  {suspendUsers("nobody", "user-0"), notFound},
		"a page of nobody":               {listUsers("crowd", chime.ListUsersInput{MaxResults: aws.Int32(0)}), badSize},
		"a page too large":               {listUsers("crowd", chime.ListUsersInput{MaxResults: aws.Int32(201)}), badSize},
		"a token that is none":           {listUsers("crowd", chime.ListUsersInput{NextToken: aws.String("x")}), badToken},
		"a token before the first":       {listUsers("crowd", chime.ListUsersInput{NextToken: aws.String("-1")}), badToken},
		"a token past the last":          {listUsers("crowd", chime.ListUsersInput{NextToken: aws.String("51")}), badToken},
		"an unknown type of user":        {listUsers("crowd", chime.ListUsersInput{UserType: "Robot"}), errorOf{"BadRequestException", 400, "user-type must be PrivateUser or SharedDevice."}},
		"an unknown account to list":     {listUsers("nobody", chime.ListUsersInput{}), notFound},
		"an unknown account to get":      {getAccount, notFound},
		"an unknown user to get":         {getUser, notFound},
		"an operation it does not offer": {listAccounts, noRoute},
	} {
		t.Run(name, func(t *testing.T) {
			checkError(t, test.call(t.Context()), test.want)
		})
	}
}

func TestAnAccountsFaultRefusesEveryCall(t *testing.T) {
	for exception, want := range map[string]errorOf{
		`"refuseWith": "BadRequestException"`:                                   badRequest,
		`"refuseWith": "UnauthorizedClientException"`:                           {"UnauthorizedClientException", 401, "The client is not currently authorized to make the request."},
		`"refuseWith": "ForbiddenException"`:                                    {"ForbiddenException", 403, "The client is permanently forbidden from making the request."},
		`"refuseWith": "NotFoundException"`:                                     notFound,
		`"refuseWith": "ThrottledClientException"`:                              {"ThrottledClientException", 429, "The client exceeded its request rate limit."},
		`"refuseWith": "ServiceFailureException"`:                               {"ServiceFailureException", 500, "The service encountered an unexpected error."},
		`"refuseWith": "ServiceUnavailableException"`:                           {"ServiceUnavailableException", 503, "The service is currently unavailable."},
		`"refuseWith": "ServiceUnavailableException", "httpStatus": 502`:        {"ServiceUnavailableException", 502, "The service is currently unavailable."},
		`"refuseWith": "AccessDeniedException", "httpStatus": 403`:              {"AccessDeniedException", 403, "The request is refused."},
		`"refuseWith": "NobodyHasHeardOfThisException", "httpStatus": 418`:      {"NobodyHasHeardOfThisException", 418, "The request is refused."},
		`"refuseWith": "ExpiredTokenException", "httpStatus": 403, "times": 50`: {"ExpiredTokenException", 403, "The request is refused."},
	} {
		t.Run(exception, func(t *testing.T) {
			directory := load(t, `{"accounts": [
				{"accountId": "corp", "accountType": "EnterpriseLWA", "fault": {`+exception+`}, "users": [{"userId": "ada"}]},
				{"accountId": "other", "accountType": "EnterpriseLWA", "users": [{"userId": "bob"}]}
			]}`)
			client := serve(t, chimeserver.New(directory))
			corp := aws.String("corp")
			_, suspending := client.BatchSuspendUser(t.Context(), &chime.BatchSuspendUserInput{AccountId: corp, UserIdList: []string{"ada"}})
			_, unsuspending := unsuspend(t, client, "corp", "ada")
			_, listing := client.ListUsers(t.Context(), &chime.ListUsersInput{AccountId: corp})
			_, gettingUser := client.GetUser(t.Context(), &chime.GetUserInput{AccountId: corp, UserId: aws.String("ada")})
			_, gettingAccount := client.GetAccount(t.Context(), &chime.GetAccountInput{AccountId: corp})
			for _, err := range []error{suspending, unsuspending, listing, gettingUser, gettingAccount} {
				checkError(t, err, want)
			}
			suspend(t, client, "other", "bob")
			if diff := cmp.Diff(map[string][]string{"other": {"bob"}}, directory.Suspended()); diff != "" {
				t.Errorf("suspended (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDeclaredExceptionsHaveTheirTypeAndCode(t *testing.T) {
	client := serve(t, chimeserver.New(load(t, `{"accounts": [
		{"accountId": "corp", "accountType": "EnterpriseLWA", "fault": {"refuseWith": "ThrottledClientException"}}
	]}`)))
	_, err := client.GetAccount(t.Context(), &chime.GetAccountInput{AccountId: aws.String("corp")})
	throttled, ok := errors.AsType[*types.ThrottledClientException](err)
	if !ok || throttled.Code != types.ErrorCodeThrottled {
		t.Errorf("got %v, want a ThrottledClientException with the code Throttled", err)
	}
}

func TestAUsersFaultStrikes(t *testing.T) {
	for name, test := range map[string]struct {
		fault string
		want  []string // What three batches with ada and bob come to.
	}{
		"always with a UserError":    {`{"userErrorCode": "ServiceFailure"}`, []string{"ada ServiceFailure", "ada ServiceFailure", "ada ServiceFailure"}},
		"twice with a UserError":     {`{"userErrorCode": "Throttled", "times": 2}`, []string{"ada Throttled", "ada Throttled", ""}},
		"with a code not known yet":  {`{"userErrorCode": "Tired today", "times": 1}`, []string{"ada Tired today", "", ""}},
		"with an empty code":         {`{"userErrorCode": "", "times": 1}`, []string{"ada ", "", ""}},
		"always with a refusal":      {`{"refuseWith": "BadRequestException"}`, []string{"BadRequestException", "BadRequestException", "BadRequestException"}},
		"once with a refusal":        {`{"refuseWith": "NotFoundException", "times": 1}`, []string{"NotFoundException", "", ""}},
		"once with any other status": {`{"refuseWith": "ValidationException", "httpStatus": 400, "times": 1}`, []string{"ValidationException", "", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			directory := load(t, `{"accounts": [{"accountId": "corp", "accountType": "EnterpriseLWA", "users": [
				{"userId": "bob"}, {"userId": "ada", "fault": `+test.fault+`}, {"userId": "eve"}
			]}]}`)
			client := serve(t, chimeserver.New(directory))
			if failed := suspend(t, client, "corp", "eve"); len(failed) > 0 {
				t.Errorf("a batch without ada got %v, want no UserErrors", failed)
			}
			var got []string
			want := map[string][]string{"corp": {"eve"}}
			for i := range 3 {
				output, err := client.BatchSuspendUser(t.Context(), &chime.BatchSuspendUserInput{
					AccountId: aws.String("corp"), UserIdList: []string{"bob", "ada"},
				})
				if refused, ok := errors.AsType[smithy.APIError](err); ok {
					got = append(got, refused.ErrorCode())
				} else {
					got = append(got, strings.Join(failures(output.UserErrors), ", "))
					want = map[string][]string{"corp": {"bob", "eve"}}
				}
				if got[i] == "" {
					want = map[string][]string{"corp": {"ada", "bob", "eve"}}
				}
				if diff := cmp.Diff(want, directory.Suspended()); diff != "" {
					t.Errorf("after batch %d, suspended (-want +got):\n%s", i+1, diff)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
		})
	}
}
