package suspension

// Schedule holds the users of an event and hands out the calls to make for them: of each account, in the order of Add, the
// least possible number. The accounts take turns, so that a large one does not make a small one wait. The zero value is
// ready; it is not for concurrent use.
type Schedule struct {
	accounts map[string]*account
	turns    []*account // those that have a call to make
	users    []User     // the next ones to give out: one allocation for many
}

// usersAtOnce is how many users are allocated at once.
const usersAtOnce = 64

// Call is one BatchSuspendUser call to make.
type Call struct {
	AccountID string
	Users     []*User // 1 to BatchSize

	account *account
	batch   *batch // nil unless the call is a part of one
}

// account is what a Schedule knows of an account.
type account struct {
	id     string
	users  map[string]*User
	queue  []*User  // in no call yet
	split  []*batch // refused and in parts now; the first one is worked on
	inTurn bool     // whether it stands in Schedule.turns
	stop   *Result  // for those not called yet, once no further call is to be made
}

// batch is a refused call of several users.
type batch struct {
	parts    []Call // to be made, last one first
	inFlight int
	full     bool // whether the call had BatchSize users
	accepted bool // whether a part was anything but refused
}

// Add asks for a user to be suspended. The same user of the same account is one User, however often it is added.
func (s *Schedule) Add(accountID, userID string) *User {
	a := s.accounts[accountID]
	if a == nil {
		a = &account{id: accountID, users: make(map[string]*User)}
		if s.accounts == nil {
			s.accounts = make(map[string]*account)
		}
		s.accounts[accountID] = a
	}
	u := a.users[userID]
	if u == nil {
		if len(s.users) == 0 {
			s.users = make([]User, usersAtOnce)
		}
		u, s.users = &s.users[0], s.users[1:]
		u.ID = userID
		a.users[userID] = u
		a.queue = append(a.queue, u)
		s.takeTurn(a)
	}
	return u
}

// Next returns the next call to make, or false where there is none now. There may be one again after Done.
func (s *Schedule) Next() (Call, bool) {
	for len(s.turns) > 0 {
		a := s.turns[0]
		s.turns = s.turns[1:]
		a.inTurn = false
		if a.ready() {
			call := a.next()
			s.takeTurn(a)
			return call, true
		}
	}
	return Call{}, false
}

// Done notes what became of a call that Next has returned.
func (s *Schedule) Done(c Call, answer Answer) {
	a := c.account
	if c.batch != nil {
		c.batch.inFlight--
	}
	if answer.Effect == Split && len(c.Users) > 1 {
		a.halve(c)
	} else {
		for i, u := range c.Users {
			u.Result = answer.Results[i]
		}
		if c.batch != nil && answer.Effect == Continue {
			c.batch.accepted = true
		}
	}
	switch answer.Effect {
	case StopAccount:
		a.end(answer.Results[0])
	case StopEvent:
		s.Stop(answer.Results[0])
	case Continue, Split:
		a.settle(answer.Results[0])
	}
	s.takeTurn(a)
}

// Stop gives all users that are in no call yet the outcome, code and message of the result, and Next has nothing more for
// them.
func (s *Schedule) Stop(result Result) {
	for _, a := range s.accounts {
		a.end(result)
	}
}

// takeTurn puts an account that has a call to make behind the others.
func (s *Schedule) takeTurn(a *account) {
	if a.ready() && !a.inTurn {
		a.inTurn = true
		s.turns = append(s.turns, a)
	}
}

// ready reports whether the account has a call to make. As long as a refused batch has parts out, that is none but those
// parts: an account that refuses everybody is to show it on one batch.
func (a *account) ready() bool {
	if len(a.split) > 0 {
		return len(a.split[0].parts) > 0
	}
	return len(a.queue) > 0
}

// next returns the next call of an account that is ready.
func (a *account) next() Call {
	if len(a.split) == 0 {
		n := min(BatchSize, len(a.queue))
		call := Call{AccountID: a.id, Users: a.queue[:n:n], account: a}
		a.queue = a.queue[n:]
		return call
	}
	b := a.split[0]
	last := len(b.parts) - 1
	call := b.parts[last]
	b.parts = b.parts[:last]
	b.inFlight++
	return call
}

// halve puts the halves of a refused call where they are the next of its batch, the first half first.
func (a *account) halve(c Call) {
	if a.stop != nil {
		for _, u := range c.Users {
			u.Result = *a.stop
		}
		return
	}
	b := c.batch
	if b == nil {
		b = &batch{full: len(c.Users) == BatchSize}
		a.split = append(a.split, b)
	}
	half := len(c.Users) / 2
	for _, users := range [][]*User{c.Users[half:], c.Users[:half]} {
		b.parts = append(b.parts, Call{AccountID: a.id, Users: users, account: a, batch: b})
	}
}

// settle drops the refused batch that is worked on once nothing of it is left. A full one of which every user was refused
// says that it is not the users: the account's others are not called.
func (a *account) settle(last Result) {
	if len(a.split) == 0 {
		return
	}
	b := a.split[0]
	if b.inFlight > 0 || len(b.parts) > 0 {
		return
	}
	a.split = a.split[1:]
	if b.full && !b.accepted {
		a.end(last)
	}
}

// end lets no further call be made for the account.
func (a *account) end(result Result) {
	if a.stop != nil {
		return
	}
	result.RequestID = "" // No answer was about those who were not called.
	a.stop = &result
	for _, u := range a.queue {
		u.Result = result
	}
	for _, b := range a.split {
		for _, part := range b.parts {
			for _, u := range part.Users {
				u.Result = result
			}
		}
	}
	a.queue, a.split = nil, nil
}
