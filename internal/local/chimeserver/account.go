package chimeserver

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/chime/types"
)

// Limits from the Amazon Chime API Reference:
// https://docs.aws.amazon.com/chime/latest/APIReference/API_BatchSuspendUser.html
// https://docs.aws.amazon.com/chime/latest/APIReference/API_ListUsers.html
const (
	maxBatchUsers   = 50
	maxPageUsers    = 200
	defaultPageSize = 100
)

// awsAccountID is the account of AWS's examples; a Chime account belongs to one.
const awsAccountID = "111122223333"

// account is an account with what has become of it.
type account struct {
	Account
	struck    int // How often the account's fault struck.
	members   []member
	positions map[string]int // Of user IDs in members.
}

// member is a user with what has become of it. Who has left stays in its place,
// so that the tokens of ListUsers stay good.
type member struct {
	User
	struck int // How often the user's fault struck.
	left   bool
}

// UserError says why the action failed for one user of a batch.
type UserError struct {
	UserID       string          `json:"UserId"`
	ErrorCode    types.ErrorCode `json:"ErrorCode"`
	ErrorMessage string          `json:"ErrorMessage"`
}

type batchOutput struct {
	UserErrors []UserError `json:"UserErrors"`
}

type accountView struct {
	AwsAccountID  string              `json:"AwsAccountId"`
	AccountID     string              `json:"AccountId"`
	Name          string              `json:"Name"`
	AccountType   types.AccountType   `json:"AccountType"`
	AccountStatus types.AccountStatus `json:"AccountStatus"`
}

type userView struct {
	UserID                 string                   `json:"UserId"`
	AccountID              string                   `json:"AccountId"`
	PrimaryEmail           string                   `json:"PrimaryEmail,omitzero"`
	DisplayName            string                   `json:"DisplayName,omitzero"`
	UserType               types.UserType           `json:"UserType"`
	UserRegistrationStatus types.RegistrationStatus `json:"UserRegistrationStatus"`
}

type getAccountOutput struct {
	Account accountView `json:"Account"`
}

type getUserOutput struct {
	User userView `json:"User"`
}

type listUsersOutput struct {
	Users     []userView `json:"Users"`
	NextToken string     `json:"NextToken,omitzero"`
}

// account finds the account that a call is for, unless the account's fault
// refuses the call. The directory must be locked.
func (d *Directory) account(id string) (*account, *exception) {
	a := d.accounts[id]
	if a == nil {
		return nil, notFound()
	}
	if a.Fault.strikes(&a.struck) {
		return nil, a.Fault.refusal()
	}
	return a, nil
}

// member returns the user with that ID, who may have left; nil if there is none.
func (a *account) member(userID string) *member {
	i, ok := a.positions[userID]
	if !ok {
		return nil
	}
	return &a.members[i]
}

func (a *account) view(m *member) userView {
	return userView{
		UserID:                 m.UserID,
		AccountID:              a.AccountID,
		PrimaryEmail:           m.PrimaryEmail,
		DisplayName:            m.DisplayName,
		UserType:               types.UserTypePrivateUser,
		UserRegistrationStatus: m.Status,
	}
}

// strikes reports whether it is the fault's turn, and counts that in struck.
func (f *Fault) strikes(struck *int) bool {
	if f == nil || f.Times != nil && *struck == *f.Times {
		return false
	}
	*struck++
	return true
}

func (f *Fault) refusal() *exception {
	e := refusal(f.RefuseWith)
	if f.HTTPStatus != 0 {
		e.status = f.HTTPStatus
	}
	return e
}

func (d *Directory) getAccount(accountID string) (any, *exception) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a, refused := d.account(accountID)
	if refused != nil {
		return nil, refused
	}
	return getAccountOutput{accountView{
		AwsAccountID:  awsAccountID,
		AccountID:     a.AccountID,
		Name:          a.Name,
		AccountType:   a.AccountType,
		AccountStatus: types.AccountStatusActive,
	}}, nil
}

func (d *Directory) getUser(accountID, userID string) (any, *exception) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a, refused := d.account(accountID)
	if refused != nil {
		return nil, refused
	}
	m := a.member(userID)
	if m == nil || m.left {
		return nil, notFound()
	}
	return getUserOutput{a.view(m)}, nil
}

func (d *Directory) listUsers(accountID string, query url.Values) (any, *exception) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a, refused := d.account(accountID)
	if refused != nil {
		return nil, refused
	}
	size := defaultPageSize
	if text := query.Get("max-results"); text != "" {
		var err error
		if size, err = strconv.Atoi(text); err != nil || size < 1 || size > maxPageUsers {
			return nil, badRequest("max-results must be a number from 1 to " + strconv.Itoa(maxPageUsers) + ".")
		}
	}
	first := 0
	if token := query.Get("next-token"); token != "" {
		var err error
		if first, err = strconv.Atoi(token); err != nil || first < 0 || first >= len(a.members) {
			return nil, badRequest("next-token must be the NextToken of an earlier answer.")
		}
	}
	userType := types.UserType(query.Get("user-type"))
	if userType != "" && !slices.Contains(userType.Values(), userType) {
		return nil, badRequest("user-type must be PrivateUser or SharedDevice.")
	}
	email := query.Get("user-email")

	page := listUsersOutput{}
	for i := first; i < len(a.members); i++ {
		m := &a.members[i]
		if m.left || userType == types.UserTypeSharedDevice || email != "" && !strings.EqualFold(email, m.PrimaryEmail) {
			continue
		}
		if len(page.Users) == size {
			page.NextToken = strconv.Itoa(i)
			break
		}
		page.Users = append(page.Users, a.view(m))
	}
	return page, nil
}

// batch is BatchSuspendUser or BatchUnsuspendUser, by the status that the users
// get: Suspended or Registered. A Team account loses the user instead.
func (d *Directory) batch(accountID string, userIDs []string, status types.RegistrationStatus) ([]UserError, *exception) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a, refused := d.account(accountID)
	if refused != nil {
		return nil, refused
	}
	inTeam := a.AccountType == types.AccountTypeTeam
	switch {
	case len(userIDs) == 0 || len(userIDs) > maxBatchUsers || slices.ContainsFunc(userIDs, isBlank):
		return nil, badRequest("The body must be JSON with a UserIdList of 1 to " + strconv.Itoa(maxBatchUsers) + " user IDs.")
	case inTeam && status == types.RegistrationStatusRegistered:
		return nil, badRequest("Only users of EnterpriseLWA accounts can be unsuspended: invite them to the Team instead.")
	}
	for _, id := range userIDs {
		if m := a.member(id); m != nil && m.Fault != nil && m.Fault.RefuseWith != "" && m.Fault.strikes(&m.struck) {
			return nil, m.Fault.refusal()
		}
	}
	var failed []UserError
	for _, id := range userIDs {
		m := a.member(id)
		switch {
		case m != nil && m.Fault != nil && m.Fault.UserErrorCode != nil && m.Fault.strikes(&m.struck):
			failed = append(failed, UserError{id, *m.Fault.UserErrorCode, "The user's fault in the directory has struck."})
		case m == nil || m.left:
			failed = append(failed, UserError{id, types.ErrorCodeNotFound, "The account has no such user."})
		case inTeam:
			m.left = true
		case status == types.RegistrationStatusSuspended || m.Status == types.RegistrationStatusSuspended:
			m.Status = status
		}
	}
	return failed, nil
}
