package suspension_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"chime-offboarding/internal/suspension"
)

// add adds users to an account, with the numbers from first to last for IDs.
func add(s *suspension.Schedule, accountID string, first, last int) []*suspension.User {
	users := make([]*suspension.User, 0, last-first+1)
	for n := first; n <= last; n++ {
		users = append(users, s.Add(accountID, strconv.Itoa(n)))
	}
	return users
}

// describe names a call by its account and its first and last user, with those between counted up.
func describe(c suspension.Call) string {
	first, last := number(c.Users[0]), number(c.Users[len(c.Users)-1])
	if last-first+1 != len(c.Users) {
		return fmt.Sprintf("%s %d..%d, %d users", c.AccountID, first, last, len(c.Users))
	}
	return fmt.Sprintf("%s %d-%d", c.AccountID, first, last)
}

func number(u *suspension.User) int {
	n, err := strconv.Atoi(u.ID)
	if err != nil {
		panic(err)
	}
	return n
}

// take takes the next call, which has to be the one described.
func take(t *testing.T, s *suspension.Schedule, want string) suspension.Call {
	t.Helper()
	call, ok := s.Next()
	if !ok {
		t.Fatalf("there is no call, want %s", want)
	}
	if got := describe(call); got != want {
		t.Fatalf("call of %s, want %s", got, want)
	}
	return call
}

// takeNone checks that there is no call for now.
func takeNone(t *testing.T, s *suspension.Schedule) {
	t.Helper()
	if call, ok := s.Next(); ok {
		t.Fatalf("call of %s, want none", describe(call))
	}
}

// all is an answer with one result for all users of a call.
func all(c suspension.Call, effect suspension.Effect, result suspension.Result) suspension.Answer {
	return suspension.Answer{Effect: effect, Results: slices.Repeat([]suspension.Result{result}, len(c.Users))}
}

var (
	suspended = suspension.Result{Outcome: suspension.Suspended, RequestID: "ok"}
	throttled = suspension.Result{Code: "ThrottledClient", Message: "Slow down.", RequestID: "slow"}
	refused   = suspension.Result{Outcome: suspension.DeadLetter, Code: "BadRequest", Message: "Bad.", RequestID: "bad"}
	notFound  = suspension.Result{Outcome: suspension.DeadLetter, Code: "NotFound", Message: "Not found.", RequestID: "none"}
	forbidden = suspension.Result{Code: "Forbidden", Message: "Not you.", RequestID: "no"}
	expired   = suspension.Result{Code: "ExpiredToken", Message: "Too late.", RequestID: "old"}
)

// uncalled is what a result is for those who were not called.
func uncalled(r suspension.Result) suspension.Result {
	r.RequestID = ""
	return r
}

// accept, refuse and so on tell the schedule what became of a call.
func accept(s *suspension.Schedule, c suspension.Call) {
	s.Done(c, all(c, suspension.Continue, suspended))
}
func refuse(s *suspension.Schedule, c suspension.Call) { s.Done(c, all(c, suspension.Split, refused)) }

// check checks what became of users.
func check(t *testing.T, users []*suspension.User, want suspension.Result) {
	t.Helper()
	for _, u := range users {
		if diff := cmp.Diff(want, u.Result); diff != "" {
			t.Errorf("result of user %s (-want +got):\n%s", u.ID, diff)
		}
	}
}

// run makes all calls, one after the other, and returns them. A call is refused if it has a bad user.
func run(s *suspension.Schedule, bad func(*suspension.User) bool) []string {
	var calls []string
	for call, ok := s.Next(); ok; call, ok = s.Next() {
		calls = append(calls, describe(call))
		if slices.ContainsFunc(call.Users, bad) {
			refuse(s, call)
		} else {
			accept(s, call)
		}
	}
	return calls
}

func nobody(*suspension.User) bool    { return false }
func everybody(*suspension.User) bool { return true }

func numbers(bad ...int) func(*suspension.User) bool {
	return func(u *suspension.User) bool { return slices.Contains(bad, number(u)) }
}

func TestAnAccountTakesTheLeastPossibleNumberOfCalls(t *testing.T) {
	t.Parallel()
	for users, want := range map[int][]string{
		0:   nil,
		1:   {"acme 1-1"},
		49:  {"acme 1-49"},
		50:  {"acme 1-50"},
		51:  {"acme 1-50", "acme 51-51"},
		99:  {"acme 1-50", "acme 51-99"},
		100: {"acme 1-50", "acme 51-100"},
		101: {"acme 1-50", "acme 51-100", "acme 101-101"},
	} {
		t.Run(strconv.Itoa(users)+" users", func(t *testing.T) {
			t.Parallel()
			var s suspension.Schedule
			added := add(&s, "acme", 1, users)
			if diff := cmp.Diff(want, run(&s, nobody)); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			check(t, added, suspended)
		})
	}
}

func TestAUserIsOneHoweverOftenAdded(t *testing.T) {
	t.Parallel()
	var s suspension.Schedule
	ada := s.Add("acme", "1")
	bob := s.Add("acme", "2")
	other := s.Add("corp", "1")
	if s.Add("acme", "1") != ada || s.Add("corp", "1") != other {
		t.Error("a user who is added again is another User")
	}
	if ada == bob || ada == other {
		t.Error("different users are one User")
	}
	call := take(t, &s, "acme 1-2")
	if call.Users[0] != ada || call.Users[1] != bob {
		t.Error("the users of the call are not those that Add returned")
	}
	if s.Add("acme", "1") != ada {
		t.Error("a user who is added again during the call is another User")
	}
	accept(&s, call)
	if s.Add("acme", "1") != ada {
		t.Error("a user who is added again after the call is another User")
	}
	take(t, &s, "corp 1-1")
	takeNone(t, &s)
	check(t, []*suspension.User{ada, bob}, suspended)
	check(t, []*suspension.User{other}, suspension.Result{})
}

func TestUsersAreCalledInTheOrderAdded(t *testing.T) {
	t.Parallel()
	var s suspension.Schedule
	for _, n := range []string{"3", "1", "2", "3", "5", "1", "4"} {
		s.Add("acme", n)
		s.Add("corp", n+n)
	}
	var got []string
	for call, ok := s.Next(); ok; call, ok = s.Next() {
		for _, u := range call.Users {
			got = append(got, call.AccountID+" "+u.ID)
		}
	}
	want := []string{"acme 3", "acme 1", "acme 2", "acme 5", "acme 4", "corp 33", "corp 11", "corp 22", "corp 55", "corp 44"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("users called (-want +got):\n%s", diff)
	}
}

func TestAccountsTakeTurns(t *testing.T) {
	t.Parallel()
	want := []string{"large 1-50", "small 1-1", "middle 1-50", "large 51-100", "middle 51-60", "large 101-150", "large 151-151"}
	fill := func() *suspension.Schedule {
		var s suspension.Schedule
		add(&s, "large", 1, 151)
		add(&s, "small", 1, 1)
		add(&s, "middle", 1, 60)
		return &s
	}
	t.Run("one call after the other", func(t *testing.T) {
		t.Parallel()
		if diff := cmp.Diff(want, run(fill(), nobody)); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
	t.Run("all in flight", func(t *testing.T) {
		t.Parallel()
		s := fill()
		for _, call := range want {
			take(t, s, call)
		}
		takeNone(t, s)
	})
	t.Run("an account that is refused does not hold up another", func(t *testing.T) {
		t.Parallel()
		var s suspension.Schedule
		add(&s, "bad", 1, 4)
		add(&s, "good", 101, 250)
		want := []string{"bad 1-4", "good 101-150", "bad 1-2", "good 151-200", "bad 1-1", "good 201-250", "bad 2-2", "bad 3-4", "bad 3-3", "bad 4-4"}
		if diff := cmp.Diff(want, run(&s, func(u *suspension.User) bool { return number(u) < 100 })); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
	t.Run("an account that comes back stands behind the others", func(t *testing.T) {
		t.Parallel()
		var s suspension.Schedule
		add(&s, "bad", 1, 2)
		bad := take(t, &s, "bad 1-2")
		add(&s, "good", 1, 51)
		refuse(&s, bad)
		take(t, &s, "good 1-50")
		take(t, &s, "bad 1-1")
		take(t, &s, "good 51-51")
		take(t, &s, "bad 2-2")
		takeNone(t, &s)
	})
}

func TestARefusedCallIsMadeInHalves(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		users int
		bad   []int
		want  []string
	}{
		"one user, bad":            {1, []int{1}, []string{"acme 1-1"}},
		"the first of two":         {2, []int{1}, []string{"acme 1-2", "acme 1-1", "acme 2-2"}},
		"both of two":              {2, []int{1, 2}, []string{"acme 1-2", "acme 1-1", "acme 2-2"}},
		"the third of five":        {5, []int{3}, []string{"acme 1-5", "acme 1-2", "acme 3-5", "acme 3-3", "acme 4-5"}},
		"the third of eight":       {8, []int{3}, []string{"acme 1-8", "acme 1-4", "acme 1-2", "acme 3-4", "acme 3-3", "acme 4-4", "acme 5-8"}},
		"the last of eight":        {8, []int{8}, []string{"acme 1-8", "acme 1-4", "acme 5-8", "acme 5-6", "acme 7-8", "acme 7-7", "acme 8-8"}},
		"one in each half of four": {4, []int{2, 3}, []string{"acme 1-4", "acme 1-2", "acme 1-1", "acme 2-2", "acme 3-4", "acme 3-3", "acme 4-4"}},
		"before the account's next ones": {60, []int{1, 50}, []string{
			"acme 1-50", "acme 1-25", "acme 1-12", "acme 1-6", "acme 1-3", "acme 1-1", "acme 2-3", "acme 4-6", "acme 7-12", "acme 13-25", "acme 26-50",
			"acme 26-37", "acme 38-50", "acme 38-43", "acme 44-50", "acme 44-46", "acme 47-50", "acme 47-48", "acme 49-50", "acme 49-49", "acme 50-50", "acme 51-60",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s suspension.Schedule
			users := add(&s, "acme", 1, test.users)
			if diff := cmp.Diff(test.want, run(&s, numbers(test.bad...))); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			for _, u := range users {
				want := suspended
				if slices.Contains(test.bad, number(u)) {
					want = refused
				}
				check(t, []*suspension.User{u}, want)
			}
		})
	}
}

func TestTheNumberOfCallsForBadUsers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		users int
		bad   func(*suspension.User) bool
		want  int
	}{
		"nobody of 50":             {50, nobody, 1},
		"the first of 50":          {50, numbers(1), 11},
		"the 13th of 50":           {50, numbers(13), 11},
		"the last of 50":           {50, numbers(50), 13},
		"the first and last of 50": {50, numbers(1, 50), 21},
		"all of 50":                {50, everybody, 99},
		"all of 49":                {49, everybody, 97},
		"all of 2":                 {2, everybody, 3},
		"all of 150":               {150, everybody, 99}, // The first batch shows that it is not the users.
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s suspension.Schedule
			add(&s, "acme", 1, test.users)
			if got := len(run(&s, test.bad)); got != test.want {
				t.Errorf("got %d calls, want %d", got, test.want)
			}
		})
	}
}

func TestPartsGoBeforeTheNextBatch(t *testing.T) {
	t.Parallel()
	var s suspension.Schedule
	add(&s, "acme", 1, 200)
	first, second := take(t, &s, "acme 1-50"), take(t, &s, "acme 51-100")
	refuse(&s, first)
	refuse(&s, second)
	a, b := take(t, &s, "acme 1-25"), take(t, &s, "acme 26-50")
	takeNone(t, &s) // Those of the second batch wait for what becomes of the first one.
	accept(&s, b)
	takeNone(t, &s)
	refuse(&s, a)
	a, b = take(t, &s, "acme 1-12"), take(t, &s, "acme 13-25")
	accept(&s, a)
	accept(&s, b)
	a, b = take(t, &s, "acme 51-75"), take(t, &s, "acme 76-100")
	takeNone(t, &s)
	accept(&s, a)
	takeNone(t, &s)
	accept(&s, b)
	take(t, &s, "acme 101-150")
	take(t, &s, "acme 151-200")
	takeNone(t, &s)
}

func TestACallInFlightMayEndWhileAnotherIsInParts(t *testing.T) {
	t.Parallel()
	var s suspension.Schedule
	users := add(&s, "acme", 1, 101)
	first, second := take(t, &s, "acme 1-50"), take(t, &s, "acme 51-100")
	refuse(&s, second)
	a, b := take(t, &s, "acme 51-75"), take(t, &s, "acme 76-100")
	accept(&s, first)
	takeNone(t, &s)
	accept(&s, a)
	accept(&s, b)
	accept(&s, take(t, &s, "acme 101-101"))
	check(t, users, suspended)
}

func TestAFullBatchRefusedStopsTheAccount(t *testing.T) {
	t.Parallel()
	var s suspension.Schedule
	acme := add(&s, "acme", 1, 120)
	corp := add(&s, "corp", 1, 60)
	calls := 0
	for call, ok := s.Next(); ok; call, ok = s.Next() {
		switch {
		case call.AccountID == "corp":
			accept(&s, call)
		case describe(call) == "acme 50-50":
			s.Done(call, all(call, suspension.Split, notFound))
			calls++
		default:
			refuse(&s, call)
			calls++
		}
	}
	if calls != 99 {
		t.Errorf("got %d calls for the account that refuses, want 99", calls)
	}
	check(t, acme[:49], refused)
	check(t, acme[49:50], notFound)
	check(t, acme[50:], uncalled(notFound))
	check(t, corp, suspended)
}

func TestTheLastRefusalOfAFullBatchIsTheLastToArrive(t *testing.T) {
	t.Parallel()
	var s suspension.Schedule
	users := add(&s, "acme", 1, 51)
	refuse(&s, take(t, &s, "acme 1-50"))
	var held suspension.Call
	for call, ok := s.Next(); ok; call, ok = s.Next() {
		if describe(call) == "acme 7-7" {
			held = call
			continue
		}
		refuse(&s, call)
	}
	check(t, users[50:], suspension.Result{})
	s.Done(held, all(held, suspension.Split, notFound))
	takeNone(t, &s)
	check(t, users[6:7], notFound)
	check(t, users[50:], uncalled(notFound))
}

func TestAFullBatchRefusedStopsWhatElseTheAccountHas(t *testing.T) {
	t.Parallel()
	var s suspension.Schedule
	users := add(&s, "acme", 1, 230)
	first, second := take(t, &s, "acme 1-50"), take(t, &s, "acme 51-100")
	third, fourth := take(t, &s, "acme 101-150"), take(t, &s, "acme 151-200")
	refuse(&s, second)
	refuse(&s, first)
	accept(&s, take(t, &s, "acme 51-75")) // so that the second batch does not stop the account
	refuse(&s, take(t, &s, "acme 76-100"))
	if got, want := len(run(&s, everybody)), 48+98; got != want {
		t.Errorf("got %d calls for the parts of 25 and of 50 users, want %d", got, want)
	}
	check(t, users[50:75], suspended)
	check(t, users[:50], refused)
	check(t, users[75:100], refused)
	check(t, users[200:], uncalled(refused))

	// Those in flight keep what their calls bring, but are not called again.
	accept(&s, third)
	refuse(&s, fourth)
	takeNone(t, &s)
	check(t, users[100:150], suspended)
	check(t, users[150:200], uncalled(refused))
}

func TestARefusedBatchThatIsNotFullDoesNotStopTheAccount(t *testing.T) {
	t.Parallel()
	var s suspension.Schedule
	users := add(&s, "acme", 1, 99)
	first, second := take(t, &s, "acme 1-50"), take(t, &s, "acme 51-99")
	refuse(&s, second)
	run(&s, everybody)
	check(t, users[50:], refused)
	refuse(&s, first)
	run(&s, nobody)
	check(t, users[:50], suspended)
}

func TestAFullBatchOfWhichAPartWasNotRefusedDoesNotStopTheAccount(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		part string
		want suspension.Result
	}{
		"the first user was suspended":   {"acme 1-1", suspended},
		"the last user was suspended":    {"acme 50-50", suspended},
		"a half was suspended":           {"acme 26-50", suspended},
		"the first user was throttled":   {"acme 1-1", throttled},
		"the last user was throttled":    {"acme 50-50", throttled},
		"a quarter was throttled":        {"acme 13-25", throttled},
		"a user had an error of its own": {"acme 37-37", suspension.Result{Outcome: suspension.DeadLetter, Code: "NotFound", RequestID: "answer"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s suspension.Schedule
			users := add(&s, "acme", 1, 51)
			found := false
			for call, ok := s.Next(); ok; call, ok = s.Next() {
				switch describe(call) {
				case test.part:
					s.Done(call, all(call, suspension.Continue, test.want))
					check(t, call.Users, test.want)
					found = true
				case "acme 51-51":
					accept(&s, call)
				default:
					refuse(&s, call)
				}
			}
			if !found {
				t.Errorf("there was no call of %s", test.part)
			}
			check(t, users[50:], suspended)
		})
	}
}

func TestResultsAreTheUsersInTheirOrder(t *testing.T) {
	t.Parallel()
	var s suspension.Schedule
	users := add(&s, "acme", 1, 3)
	s.Done(take(t, &s, "acme 1-3"), suspension.Answer{Results: []suspension.Result{suspended, throttled, refused}})
	takeNone(t, &s)
	check(t, users[:1], suspended)
	check(t, users[1:2], throttled)
	check(t, users[2:], refused)
}

// TestStops has users of each kind when the stop comes: in flight as a batch, as a part and alone, in a part to be made,
// in parts that wait for another batch, and in no call yet; and those of another account.
func TestStops(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stop  func(s *suspension.Schedule, stopping suspension.Call)
		own   suspension.Result // of the users whose call brought the stop
		want  suspension.Result // of the account's other users
		event bool              // whether it is for the other account as well
	}{
		"StopAccount": {
			stop: func(s *suspension.Schedule, c suspension.Call) { s.Done(c, all(c, suspension.StopAccount, forbidden)) },
			own:  forbidden,
			want: uncalled(forbidden),
		},
		"StopEvent": {
			stop:  func(s *suspension.Schedule, c suspension.Call) { s.Done(c, all(c, suspension.StopEvent, expired)) },
			own:   expired,
			want:  uncalled(expired),
			event: true,
		},
		"Stop": {
			stop: func(s *suspension.Schedule, c suspension.Call) {
				s.Stop(throttled)
				accept(s, c)
			},
			own:   suspended,
			want:  uncalled(throttled),
			event: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s suspension.Schedule
			acme := add(&s, "acme", 1, 300)
			first, second := take(t, &s, "acme 1-50"), take(t, &s, "acme 51-100")
			third, fourth, fifth := take(t, &s, "acme 101-150"), take(t, &s, "acme 151-200"), take(t, &s, "acme 201-250")
			refuse(&s, first)
			refuse(&s, second) // waits
			refuse(&s, take(t, &s, "acme 1-25"))
			refuse(&s, take(t, &s, "acme 1-12"))
			refuse(&s, take(t, &s, "acme 1-6"))
			refuse(&s, take(t, &s, "acme 1-3"))
			alone, part, refusedPart := take(t, &s, "acme 1-1"), take(t, &s, "acme 2-3"), take(t, &s, "acme 4-6")
			corp := add(&s, "corp", 1, 101)
			flying := take(t, &s, "acme 7-12")
			corpFlying := take(t, &s, "corp 1-50")

			test.stop(&s, third)
			if test.event {
				takeNone(t, &s)
				check(t, corp[50:], test.want)
				accept(&s, corpFlying)
			} else {
				check(t, corp, suspension.Result{})
				take(t, &s, "corp 51-100")
				take(t, &s, "corp 101-101")
				takeNone(t, &s)
				refuse(&s, corpFlying)
				accept(&s, take(t, &s, "corp 1-25"))
				accept(&s, take(t, &s, "corp 26-50"))
			}
			check(t, corp[:50], suspended)

			check(t, acme[100:150], test.own)
			check(t, acme[12:100], test.want) // in parts to be made
			check(t, acme[250:], test.want)   // in no call yet
			for _, inFlight := range []suspension.Call{alone, part, refusedPart, flying, fourth, fifth} {
				check(t, inFlight.Users, suspension.Result{})
			}

			refuse(&s, alone)
			accept(&s, part)
			refuse(&s, refusedPart)
			s.Done(flying, all(flying, suspension.StopAccount, notFound))
			refuse(&s, fourth)
			s.Done(fifth, all(fifth, suspension.StopEvent, notFound))
			check(t, alone.Users, refused)
			check(t, part.Users, suspended)
			check(t, refusedPart.Users, test.want)
			check(t, flying.Users, notFound)
			check(t, fourth.Users, test.want)
			check(t, fifth.Users, notFound)
			takeNone(t, &s)

			// A second stop changes nothing for those who have a result.
			s.Stop(expired)
			check(t, acme[12:100], test.want)
			check(t, acme[250:], test.want)
			check(t, corp[:50], suspended)
		})
	}
}

func TestAnEmptySchedule(t *testing.T) {
	t.Parallel()
	var s suspension.Schedule
	takeNone(t, &s)
	s.Stop(expired)
	takeNone(t, &s)
}

func TestWhoIsForgottenIsWorthAnotherDelivery(t *testing.T) {
	t.Parallel()
	var s suspension.Schedule
	users := add(&s, "acme", 1, 51)
	take(t, &s, "acme 1-50")
	for _, u := range users {
		if u.Outcome != suspension.Retry {
			t.Errorf("outcome of user %s is %d, want Retry", u.ID, u.Outcome)
		}
	}
}

func TestEffectString(t *testing.T) {
	t.Parallel()
	for effect, want := range map[suspension.Effect]string{
		suspension.Continue:    "continue",
		suspension.Split:       "split the call",
		suspension.StopAccount: "stop the account",
		suspension.StopEvent:   "stop the event",
	} {
		if got := effect.String(); got != want {
			t.Errorf("effect %d: got %q, want %q", effect, got, want)
		}
	}
}

// model is what a schedule has to do, kept user by user.
type model struct {
	states map[*suspension.User]*state
	stops  map[string]*suspension.Result // of the accounts that are stopped
	calls  map[string]int                // of each account so far
}

type state struct {
	user     *suspension.User
	account  string
	batch    int // the number of the first call that has the user, 0 for none
	full     bool
	inFlight bool
	inParts  bool // its batch was refused
	done     bool
	refused  bool // done, because of a refusal
	want     suspension.Result
}

func (m *model) finish(st *state, result suspension.Result) {
	st.done, st.want = true, result
}

// stop finishes all users of an account who are in no call.
func (m *model) stop(account string, result suspension.Result) {
	if m.stops[account] != nil {
		return
	}
	result.RequestID = ""
	m.stops[account] = &result
	for _, st := range m.states {
		if st.account == account && !st.inFlight && !st.done {
			m.finish(st, result)
		}
	}
}

// begin checks a call that the schedule wants made.
func (m *model) begin(t *rapid.T, number int, call suspension.Call) {
	account := call.AccountID
	if len(call.Users) < 1 || len(call.Users) > 50 {
		t.Fatalf("call of %d users, want 1 to 50", len(call.Users))
	}
	if m.stops[account] != nil {
		t.Fatalf("call for %s, which is stopped", account)
	}
	isPart := m.states[call.Users[0]].batch > 0
	for _, u := range call.Users {
		st := m.states[u]
		switch {
		case st.account != account:
			t.Fatalf("user %s of %s is in a call of %s", u.ID, st.account, account)
		case st.inFlight:
			t.Fatalf("user %s of %s is in two calls at once", u.ID, account)
		case st.done:
			t.Fatalf("user %s of %s is called again after the result %v", u.ID, account, st.want)
		case isPart != (st.batch > 0):
			t.Fatalf("user %s of %s is in a call both of a batch and anew", u.ID, account)
		}
		st.inFlight = true
		if !isPart {
			st.batch, st.full = number, len(call.Users) == 50
		}
	}
	m.calls[account]++
	for _, st := range m.states {
		if m.calls[account] == 2 && m.calls[st.account] == 0 && m.stops[st.account] == nil {
			t.Fatalf("second call for %s before the first for %s", account, st.account)
		}
		if !isPart && st.account == account && st.inParts && !st.done {
			t.Fatalf("next batch of %s before the part of user %s is done", account, st.user.ID)
		}
	}
}

// end notes what became of a call.
func (m *model) end(call suspension.Call, answer suspension.Answer) {
	account := call.AccountID
	for i, u := range call.Users {
		st := m.states[u]
		st.inFlight, st.inParts = false, true
		switch {
		case answer.Effect != suspension.Split || len(call.Users) == 1:
			st.refused = answer.Effect == suspension.Split
			m.finish(st, answer.Results[i])
		case m.stops[account] != nil:
			m.finish(st, *m.stops[account])
		}
	}
	switch answer.Effect {
	case suspension.StopAccount:
		m.stop(account, answer.Results[0])
	case suspension.StopEvent:
		m.stopAll(answer.Results[0])
	case suspension.Split:
		first := m.states[call.Users[0]]
		for _, st := range m.states {
			if st.account == account && st.batch == first.batch && !st.refused {
				return
			}
		}
		if first.full {
			m.stop(account, answer.Results[0])
		}
	case suspension.Continue:
	}
}

func (m *model) stopAll(result suspension.Result) {
	for _, st := range m.states {
		m.stop(st.account, result)
	}
}

// check checks that all users have the result that is theirs, or none yet.
func (m *model) check(t *rapid.T) {
	for u, st := range m.states {
		if u.Result != st.want {
			t.Fatalf("result of user %s of %s: got %+v, want %+v", u.ID, st.account, u.Result, st.want)
		}
	}
}

// TestEverySchedule draws accounts, users and answers, and which of the calls in flight is answered next.
func TestEverySchedule(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s suspension.Schedule
		m := model{make(map[*suspension.User]*state), make(map[string]*suspension.Result), make(map[string]int)}
		bad := make(map[*suspension.User]bool)
		leastCalls := 0
		for a := range rapid.IntRange(0, 4).Draw(t, "accounts") {
			account := "account " + strconv.Itoa(a)
			n := rapid.OneOf(rapid.IntRange(0, 160), rapid.SampledFrom([]int{1, 49, 50, 51, 100, 101})).Draw(t, "users")
			leastCalls += (n + 49) / 50
			goodOnes := rapid.SampledFrom([]int{0, 1, 20, 1000}).Draw(t, "users without a bad one, at most")
			for i := range n {
				u := s.Add(account, strconv.Itoa(i))
				if s.Add(account, strconv.Itoa(i)) != u {
					t.Fatal("a user who is added again is another User")
				}
				m.states[u] = &state{user: u, account: account}
				bad[u] = goodOnes < 1000 && (goodOnes == 0 || rapid.IntRange(0, goodOnes).Draw(t, "bad") == 0)
			}
		}
		effects := []suspension.Effect{suspension.Continue, suspension.Continue, suspension.Continue, suspension.Continue}
		if rapid.Bool().Draw(t, "with stops") {
			effects = append(effects, suspension.StopAccount, suspension.StopEvent)
		}

		limit := rapid.IntRange(1, 5).Draw(t, "calls in flight")
		var inFlight []suspension.Call
		calls, refusals, stops := 0, 0, 0
		for {
			for len(inFlight) < limit {
				call, ok := s.Next()
				if !ok {
					break
				}
				calls++
				m.begin(t, calls, call)
				inFlight = append(inFlight, call)
			}
			if len(inFlight) == 0 {
				break
			}
			if len(effects) > 4 && rapid.IntRange(0, 50).Draw(t, "time left") == 50 {
				stops++
				s.Stop(expired)
				m.stopAll(expired)
			}
			i := rapid.IntRange(0, len(inFlight)-1).Draw(t, "answered")
			call := inFlight[i]
			inFlight = slices.Delete(inFlight, i, i+1)
			answer := suspension.Answer{Results: make([]suspension.Result, len(call.Users))}
			if slices.ContainsFunc(call.Users, func(u *suspension.User) bool { return bad[u] }) {
				answer.Effect = suspension.Split
				refusals++
			} else if answer.Effect = rapid.SampledFrom(effects).Draw(t, "effect"); answer.Effect != suspension.Continue {
				stops++
			}
			for i := range answer.Results {
				answer.Results[i] = suspension.Result{
					Outcome:   suspension.Outcome(i % 3),
					Code:      fmt.Sprint("code ", calls, " ", len(inFlight), " ", i),
					Message:   "message",
					RequestID: "request " + strconv.Itoa(calls),
				}
			}
			s.Done(call, answer)
			m.end(call, answer)
			m.check(t)
		}
		for u, st := range m.states {
			if !st.done {
				t.Errorf("user %s of %s has no result", u.ID, st.account)
			}
		}
		if refusals == 0 && stops == 0 && calls != leastCalls {
			t.Errorf("got %d calls, want %d", calls, leastCalls)
		}
	})
}
