// Package chimeserver is a stand-in for the administration API of Amazon Chime,
// for local runs and tests. It answers BatchSuspendUser, BatchUnsuspendUser,
// ListUsers, GetUser and GetAccount as documented in the Amazon Chime API
// Reference (https://docs.aws.amazon.com/chime/latest/APIReference/), over a
// directory of accounts and users kept in memory.
//
// A directory is read from a JSON file, in which faults can be scripted:
//
//	{
//	  "accounts": [
//	    {
//	      "accountId": "example-corp",
//	      "name": "Example Corp",
//	      "accountType": "EnterpriseLWA",
//	      "fault": {"refuseWith": "AccessDeniedException", "httpStatus": 403, "times": 1},
//	      "users": [
//	        {
//	          "userId": "ada",
//	          "primaryEmail": "ada@example.com",
//	          "displayName": "Ada Lovelace",
//	          "status": "Registered"
//	        },
//	        {"userId": "busy", "fault": {"userErrorCode": "Throttled", "times": 2}},
//	        {"userId": "malformed", "fault": {"refuseWith": "BadRequestException"}}
//	      ]
//	    }
//	  ]
//	}
package chimeserver

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/chime/types"
	"github.com/go-json-experiment/json"
)

type directoryFile struct {
	Accounts []Account `json:"accounts"`
}

// Account is an account as it stands in a directory file.
type Account struct {
	AccountID   string            `json:"accountId"`
	Name        string            `json:"name"`
	AccountType types.AccountType `json:"accountType"` // Team or EnterpriseLWA.
	Fault       *Fault            `json:"fault"`       // Strikes every call to the account.
	Users       []User            `json:"users"`
}

// User is a user as it stands in a directory file.
type User struct {
	UserID       string                   `json:"userId"`
	PrimaryEmail string                   `json:"primaryEmail"`
	DisplayName  string                   `json:"displayName"`
	Status       types.RegistrationStatus `json:"status"` // Registered unless given.
	Fault        *Fault                   `json:"fault"`  // Strikes every batch with the user in it.
}

// Fault is a scripted failure: either RefuseWith or UserErrorCode.
type Fault struct {
	// RefuseWith names the exception that a call is refused with as a whole.
	RefuseWith string `json:"refuseWith"`
	// HTTPStatus goes with RefuseWith. It may be left out for the exceptions
	// that the Chime API declares, which have their own.
	HTTPStatus int `json:"httpStatus"`
	// UserErrorCode, for a user only, is the code of a UserError, be it one
	// that Chime has or any other text, even none.
	UserErrorCode *types.ErrorCode `json:"userErrorCode"`
	// Times is how often the fault strikes before it is over; nil is always.
	Times *int `json:"times"`
}

// Directory holds accounts and their users. It is safe for concurrent use.
type Directory struct {
	mu       sync.Mutex
	accounts map[string]*account
}

// NewDirectory returns a directory without accounts.
func NewDirectory() *Directory {
	return &Directory{accounts: make(map[string]*account)}
}

// Load reads a directory file. An error names its place in the file as a JSON
// pointer (RFC 6901).
func Load(r io.Reader) (*Directory, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("reading the directory: %w: check that it is a file that can be read", err)
	}
	var file directoryFile
	if err := json.Unmarshal(data, &file, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("reading the directory: %w", withAdvice(err))
	}
	if len(file.Accounts) == 0 {
		return nil, errors.New("reading the directory: /accounts: there is none: describe at least one account")
	}
	d := NewDirectory()
	for i, a := range file.Accounts {
		if err := d.add(fmt.Sprintf("/accounts/%d", i), a); err != nil {
			return nil, fmt.Errorf("reading the directory: %w", err)
		}
	}
	return d, nil
}

// withAdvice says what to do about an error from the JSON decoder.
func withAdvice(err error) error {
	semantic, ok := errors.AsType[*json.SemanticError](err)
	if !ok || !errors.Is(err, json.ErrUnknownName) {
		return fmt.Errorf("%w: correct the file there", err)
	}
	var names []string
	for _, field := range reflect.VisibleFields(semantic.GoType) {
		names = append(names, field.Tag.Get("json"))
	}
	return fmt.Errorf("%s: unknown name: use one of %s", semantic.JSONPointer, strings.Join(names, ", "))
}

// AddAccount adds an account with its users. An error names its place in the
// account as a JSON pointer (RFC 6901).
func (d *Directory) AddAccount(a Account) error {
	if err := d.add("", a); err != nil {
		return fmt.Errorf("adding account %q: %w", a.AccountID, err)
	}
	return nil
}

func (d *Directory) add(place string, a Account) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case isBlank(a.AccountID):
		return fmt.Errorf("%s/accountId: missing or blank: give the account an ID", place)
	case d.accounts[a.AccountID] != nil:
		return fmt.Errorf("%s/accountId: %q is the ID of another account: give each its own", place, a.AccountID)
	case a.AccountType != types.AccountTypeTeam && a.AccountType != types.AccountTypeEnterpriseLWA:
		return fmt.Errorf("%s/accountType: %q is not supported: use Team or EnterpriseLWA", place, a.AccountType)
	}
	if err := a.Fault.check(place+"/fault", false); err != nil {
		return err
	}
	added := &account{
		Account:   a,
		members:   make([]member, len(a.Users)),
		positions: make(map[string]int, len(a.Users)),
	}
	added.Users = nil
	emails := make(map[string]bool)
	for i, u := range a.Users {
		place := fmt.Sprintf("%s/users/%d", place, i)
		if u.Status == "" {
			u.Status = types.RegistrationStatusRegistered
		}
		_, taken := added.positions[u.UserID]
		email := strings.ToLower(u.PrimaryEmail)
		switch {
		case isBlank(u.UserID):
			return fmt.Errorf("%s/userId: missing or blank: give the user an ID", place)
		case taken:
			return fmt.Errorf("%s/userId: %q is the ID of another user of the account: give each its own", place, u.UserID)
		case emails[email]:
			return fmt.Errorf("%s/primaryEmail: %q belongs to another user of the account: give each its own", place, u.PrimaryEmail)
		case !slices.Contains(u.Status.Values(), u.Status):
			return fmt.Errorf("%s/status: %q is unknown: use Registered, Unregistered or Suspended", place, u.Status)
		case a.AccountType == types.AccountTypeTeam && u.Status == types.RegistrationStatusSuspended:
			return fmt.Errorf("%s/status: a suspended user leaves a Team account: remove the user", place)
		}
		if err := u.Fault.check(place+"/fault", true); err != nil {
			return err
		}
		if email != "" {
			emails[email] = true
		}
		added.members[i] = member{User: u}
		added.positions[u.UserID] = i
	}
	d.accounts[a.AccountID] = added
	return nil
}

func (f *Fault) check(place string, ofUser bool) error {
	if f == nil {
		return nil
	}
	_, declared := exceptions[f.RefuseWith]
	switch {
	case f.UserErrorCode != nil && !ofUser:
		return fmt.Errorf("%s/userErrorCode: an account has none: use refuseWith, or move the fault to a user", place)
	case f.RefuseWith == "" && f.UserErrorCode == nil:
		return fmt.Errorf("%s: nothing to do: name an exception in refuseWith or, for a user, a userErrorCode", place)
	case f.RefuseWith != "" && f.UserErrorCode != nil:
		return fmt.Errorf("%s: both refuseWith and userErrorCode: remove one of them", place)
	case f.RefuseWith == "" && f.HTTPStatus != 0:
		return fmt.Errorf("%s/httpStatus: a UserError has none: remove it", place)
	case f.RefuseWith != "" && f.HTTPStatus == 0 && !declared:
		return fmt.Errorf("%s/httpStatus: missing: Chime does not declare %q, so say what status it has", place, f.RefuseWith)
	case f.HTTPStatus != 0 && (f.HTTPStatus < http.StatusBadRequest || f.HTTPStatus > 599):
		return fmt.Errorf("%s/httpStatus: %d is not the status of an error: use 400 to 599", place, f.HTTPStatus)
	case f.Times != nil && *f.Times < 1:
		return fmt.Errorf("%s/times: %d is too few: use 1 or more, or leave it out for always", place, *f.Times)
	}
	return nil
}

// Suspended returns, for each account that has any, the sorted IDs of the users
// who are suspended or, in a Team account, were removed by a suspension.
func (d *Directory) Suspended() map[string][]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	suspended := make(map[string][]string)
	for id, a := range d.accounts {
		for i := range a.members {
			if m := &a.members[i]; m.left || m.Status == types.RegistrationStatusSuspended {
				suspended[id] = append(suspended[id], m.UserID)
			}
		}
		slices.Sort(suspended[id])
	}
	return suspended
}

// isBlank tells IDs that the API does not take: it wants the pattern .*\S.* of all.
func isBlank(id string) bool {
	return strings.TrimSpace(id) == ""
}
