// Package suspension decides which users of an event go into which call, and what the answers mean for the calls to come.
// It does no I/O and knows no clock: a Schedule is asked for the next call and told what became of it.
package suspension

// BatchSize is how many users one BatchSuspendUser call takes
// (https://docs.aws.amazon.com/chime/latest/APIReference/API_BatchSuspendUser.html).
const BatchSize = 50

// Outcome is what became of a user.
type Outcome int

// The outcomes.
const (
	Retry      Outcome = iota // worth another delivery; the zero value, so that nobody is forgotten
	Suspended                 // Chime has suspended the user
	DeadLetter                // another delivery would end the same way
)

// Result is the outcome of a user with its reason.
type Result struct {
	Outcome   Outcome
	Code      string // why; empty for Suspended
	Message   string // what Chime or the network said, for a dead letter; never for a log
	RequestID string // of Chime's answer that was about this user; empty where there was none
}

// Effect is what an answer means for the calls to come.
type Effect int

// The effects.
const (
	Continue    Effect = iota // nothing
	Split                     // the call was refused because of some of its users: try its halves
	StopAccount               // no further call for this account
	StopEvent                 // no further call at all
)

// Answer is what became of a call: a result for each of its users, in their order.
type Answer struct {
	Results []Result
	Effect  Effect
}

// User is one user of one account, however many messages ask for it.
type User struct {
	ID string
	Result
}

func (e Effect) String() string {
	return [...]string{"continue", "split the call", "stop the account", "stop the event"}[e]
}
