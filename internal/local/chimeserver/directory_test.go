package chimeserver_test

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/aws/aws-sdk-go-v2/service/chime/types"
	"github.com/google/go-cmp/cmp"

	"chime-offboarding/internal/local/chimeserver"
)

func TestLoadReadsTheExampleOfThePackageComment(t *testing.T) {
	source, err := os.ReadFile("directory.go")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(source), "//\t{\n")
	example, _, _ = strings.Cut(example, "package chimeserver")
	if _, err := chimeserver.Load(strings.NewReader("{" + strings.ReplaceAll(example, "//", ""))); err != nil {
		t.Error(err)
	}
}

func TestLoadRefusesWhatItDoesNotUnderstand(t *testing.T) {
	account := func(members string) string {
		return `{"accounts": [{"accountId": "a", "accountType": "EnterpriseLWA"}, {"accountId": "b", ` + members + `}]}`
	}
	users := func(list string) string {
		return account(`"accountType": "EnterpriseLWA", "users": [{"userId": "u"}, ` + list + `]`)
	}
	for name, test := range map[string]struct {
		file string
		want []string
	}{
		"an empty file":                        {``, []string{"unexpected EOF", "correct the file there"}},
		"a file cut short":                     {`{"accounts": [{"accountId": "a"`, []string{"/accounts/0", "correct the file there"}},
		"text after the directory":             {`{"accounts": []} x`, []string{"invalid character 'x'", "correct the file there"}},
		"a list instead of an object":          {`[]`, []string{"JSON array", "correct the file there"}},
		"no accounts":                          {`{}`, []string{"/accounts: there is none"}},
		"an empty list of accounts":            {`{"accounts": []}`, []string{"/accounts: there is none"}},
		"an unknown name at the top":           {`{"acounts": []}`, []string{"/acounts: unknown name: use one of accounts"}},
		"an unknown name in an account":        {account(`"Name": ""`), []string{"/accounts/1/Name: unknown name", "accountId, name, accountType, fault, users"}},
		"an unknown name in a user":            {users(`{"userid": "v"}`), []string{"/accounts/1/users/1/userid: unknown name", "userId, primaryEmail, displayName, status, fault"}},
		"an unknown name in a fault":           {users(`{"userId": "v", "fault": {"code": ""}}`), []string{"/accounts/1/users/1/fault/code: unknown name", "refuseWith, httpStatus, userErrorCode, times"}},
		"a name given twice":                   {account(`"name": "", "name": ""`), []string{"duplicate", "/accounts/1", "correct the file there"}},
		"a number for an ID":                   {users(`{"userId": 7}`), []string{"JSON number", "/accounts/1/users/1/userId", "correct the file there"}},
		"a text for a number":                  {account(`"fault": {"times": "2"}`), []string{"JSON string", "/accounts/1/fault/times", "correct the file there"}},
		"an account without an ID":             {`{"accounts": [{"accountType": "Team"}]}`, []string{"/accounts/0/accountId: missing or blank"}},
		"an account with a blank ID":           {`{"accounts": [{"accountId": " "}]}`, []string{"/accounts/0/accountId: missing or blank"}},
		"two accounts with one ID":             {account(`"accountType": "Team"}, {"accountId": "a"`), []string{`/accounts/2/accountId: "a" is the ID of another account`}},
		"an account without a type":            {account(`"name": "B"`), []string{`/accounts/1/accountType: "" is not supported: use Team or EnterpriseLWA`}},
		"an account managed elsewhere":         {account(`"accountType": "EnterpriseOIDC"`), []string{`/accounts/1/accountType: "EnterpriseOIDC" is not supported`}},
		"a user without an ID":                 {users(`{}`), []string{"/accounts/1/users/1/userId: missing or blank"}},
		"two users with one ID":                {users(`{"userId": "u"}`), []string{`/accounts/1/users/1/userId: "u" is the ID of another user`}},
		"two users with one address":           {users(`{"userId": "v", "primaryEmail": "v@x.com"}, {"userId": "w", "primaryEmail": "V@X.com"}`), []string{`/accounts/1/users/2/primaryEmail: "V@X.com" belongs to another user`}},
		"an unknown status":                    {users(`{"userId": "v", "status": "suspended"}`), []string{`/accounts/1/users/1/status: "suspended" is unknown: use Registered, Unregistered or Suspended`}},
		"a suspended user in a Team":           {account(`"accountType": "Team", "users": [{"userId": "u", "status": "Suspended"}]`), []string{"/accounts/1/users/0/status", "remove the user"}},
		"a fault that does nothing":            {users(`{"userId": "v", "fault": {"times": 1}}`), []string{"/accounts/1/users/1/fault: nothing to do"}},
		"a fault that does two things":         {users(`{"userId": "v", "fault": {"refuseWith": "NotFoundException", "userErrorCode": ""}}`), []string{"/accounts/1/users/1/fault: both", "remove one"}},
		"a UserError for an account":           {account(`"accountType": "Team", "fault": {"userErrorCode": "Throttled"}`), []string{"/accounts/1/fault/userErrorCode", "use refuseWith"}},
		"a UserError with a status":            {users(`{"userId": "v", "fault": {"userErrorCode": "Throttled", "httpStatus": 429}}`), []string{"/accounts/1/users/1/fault/httpStatus", "remove it"}},
		"a foreign exception without a status": {account(`"accountType": "Team", "fault": {"refuseWith": "AccessDeniedException"}`), []string{`/accounts/1/fault/httpStatus: missing: Chime does not declare "AccessDeniedException"`}},
		"an exception with a good status":      {account(`"accountType": "Team", "fault": {"refuseWith": "X", "httpStatus": 399}`), []string{"/accounts/1/fault/httpStatus: 399 is not", "use 400 to 599"}},
		"an exception with no such status":     {account(`"accountType": "Team", "fault": {"refuseWith": "X", "httpStatus": 600}`), []string{"/accounts/1/fault/httpStatus: 600 is not"}},
		"a fault that never strikes":           {users(`{"userId": "v", "fault": {"userErrorCode": "Throttled", "times": 0}}`), []string{"/accounts/1/users/1/fault/times: 0 is too few"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := chimeserver.Load(strings.NewReader(test.file))
			if err == nil {
				t.Fatal("was accepted")
			}
			for _, want := range append(test.want, "reading the directory: ") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
		})
	}
}

func TestLoadReportsThatTheFileCannotBeRead(t *testing.T) {
	broken := errors.New("the disk is gone")
	if _, err := chimeserver.Load(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got error %v, want %v", err, broken)
	}
}

func TestAddAccountNamesTheAccountAndThePlace(t *testing.T) {
	err := chimeserver.NewDirectory().AddAccount(chimeserver.Account{
		AccountID:   "a",
		AccountType: types.AccountTypeTeam,
		Users:       []chimeserver.User{{UserID: "u"}, {UserID: "u"}},
	})
	const want = `adding account "a": /users/1/userId: "u" is the ID of another user of the account: give each its own`
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func TestSuspendedKnowsWhoWasSuspendedFromTheStart(t *testing.T) {
	directory := load(t, `{"accounts": [
		{"accountId": "corp", "accountType": "EnterpriseLWA", "users": [
			{"userId": "eve", "status": "Suspended"}, {"userId": "bob", "status": "Unregistered"}, {"userId": "al", "status": "Suspended"}
		]},
		{"accountId": "team", "accountType": "Team", "users": [{"userId": "dan"}]}
	]}`)
	want := map[string][]string{"corp": {"al", "eve"}}
	if diff := cmp.Diff(want, directory.Suspended()); diff != "" {
		t.Errorf("suspended (-want +got):\n%s", diff)
	}
}

func TestADirectoryHoldsManyUsers(t *testing.T) {
	const many = 100_000
	users := make([]chimeserver.User, many)
	for i := range users {
		users[i].UserID = "user-" + strconv.Itoa(i)
	}
	directory := chimeserver.NewDirectory()
	addAccount(t, directory, chimeserver.Account{AccountID: "corp", AccountType: types.AccountTypeEnterpriseLWA, Users: users})
	client := serve(t, chimeserver.New(directory))
	suspend(t, client, "corp", "user-0", "user-99999")
	want := map[string][]string{"corp": {"user-0", "user-99999"}}
	if diff := cmp.Diff(want, directory.Suspended()); diff != "" {
		t.Errorf("suspended (-want +got):\n%s", diff)
	}
}

func load(t *testing.T, file string) *chimeserver.Directory {
	t.Helper()
	directory, err := chimeserver.Load(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return directory
}

func addAccount(t *testing.T, directory *chimeserver.Directory, account chimeserver.Account) {
	t.Helper()
	if err := directory.AddAccount(account); err != nil {
		t.Fatal(err)
	}
}
