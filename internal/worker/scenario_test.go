package worker

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/chime/types"
	"pgregory.net/rapid"
)

// scenario is a drawn event and all that the worker meets on the way. The first value of each list is the simplest one,
// which a failing case shrinks to.
type scenario struct {
	Messages []drawnMessage // the records of the event
	Deadline time.Duration  // how much time there is; none if 0

	MaxReceiveCount int
	Concurrency     int
	DryRun          bool
	Allowed         []string // nil for all
	Protected       []string
	NoCredentials   bool // to call Chime with

	Latency    time.Duration // of Chime, up to three times as long
	Text       string        // of its errors
	Chime      []trouble     // with an account ("acme") or a user of one ("acme/ada")
	Letters    []trouble     // with those of a message, or of any
	Visibility []trouble     // with that of a message, or of any

	QueueLatency time.Duration // 5 ms if 0
}

// drawnMessage is a record, and what it asks for.
type drawnMessage struct {
	ID      string
	Receipt string
	Count   int // ApproximateReceiveCount
	Body    string

	Invalid                          bool
	Account                          string
	Users                            []string // each once
	Correlation, RequestedBy, Reason string

	again int // how many records before it the same message stands, 0 for a new one
}

// trouble is what goes wrong for something that a call is about: an answer for each time that it is called, the last one
// for ever or not.
type trouble struct {
	Of      string
	Answers []string
	Ever    bool
}

// meaning is what an answer of Chime's says about a call as a whole.
type meaning int

const (
	suspends meaning = iota // all whom no UserError names
	fails                   // and is worth two more attempts
	refuses                 // and is not
	splits
	stopsAccount
	stopsEvent
)

// chimeAnswers are those to a whole call, by what scenarios call them. One with the name of an exception is one.
var chimeAnswers = map[string]struct {
	meaning
	status int
	body   string
}{
	"an empty answer": {suspends, 200, ``},
	"null":            {suspends, 200, `null`},
	"{}":              {suspends, 200, `{}`},
	"null for errors": {suspends, 200, `{"UserErrors": null}`},

	"BadRequestException":         {splits, 400, ""},
	"NotFoundException":           {splits, 404, ""},
	"ForbiddenException":          {stopsAccount, 403, ""},
	"UnauthorizedClientException": {stopsAccount, 401, ""},
	"AccessDeniedException":       {stopsEvent, 403, ""},
	"ExpiredTokenException":       {stopsEvent, 403, ""},
	"NotAuthorizedException":      {stopsEvent, 401, ""},
	"403 HTML":                    {stopsEvent, 403, "<html>PRIVATE</html>"},
	"401 nothing":                 {stopsEvent, 401, ""},
	"ThrottledClientException":    {fails, 429, ""},
	"429 HTML":                    {fails, 429, "<html>PRIVATE</html>"},
	"ServiceFailureException":     {fails, 500, ""},
	"ServiceUnavailableException": {fails, 503, ""},
	"502 HTML":                    {fails, 502, "<html>PRIVATE</html>"},
	"504 nothing":                 {fails, 504, ""},
	"200 HTML":                    {fails, 200, "<html>PRIVATE</html>"},
	"200 array":                   {fails, 200, `[]`},
	"200 text":                    {fails, 200, `{"UserErrors": "PRIVATE"}`},
	"200 half":                    {fails, 200, `{"UserErrors": [`},
	"cut":                         {fails, 200, `{"UserErrors": [{`},
	"closed":                      {fails, 0, ""},
	"hang":                        {fails, 0, ""},
	"hang halfway":                {fails, 200, `{"UserErrors": [`},
	"ConflictException":           {refuses, 409, ""},
	"ValidationException":         {refuses, 400, ""},
	"TeapotException":             {refuses, 418, ""},
	"NotImplementedException":     {refuses, 501, ""},
	"400 HTML":                    {refuses, 400, "<html>PRIVATE</html>"},
	"302 nothing":                 {refuses, 302, ""},
}

// userErrors are what an answer says of a user: codes with a + between, or words for one who is not in the call. Then come
// all the codes there are.
var userErrors = append([]string{
	"stranger", "nobody", "capitals", "NotFound+stranger", "capitals+Throttled", "NotFound+nobody+Conflict",
	"NotFound+Throttled", "Throttled+NotFound", "NotFound+Forbidden", "Conflict+Throttling", "", "TooFarAway", "throttled", "PRIVATE text",
}, codes()...)

func codes() []string {
	var codes []string
	for _, code := range types.ErrorCode("").Values() {
		codes = append(codes, string(code))
	}
	return codes
}

// queueAnswers are those to a whole call of the queue, entryAnswers those to an entry of it.
var (
	queueAnswers = []string{"503", "400", "403", "HTML", "an empty answer", "null", "{}", "cut", "closed", "hang", "hang halfway"}
	entryAnswers = []string{"Failed", "omitted", "both", "no ID", "strange ID", "wrong MD5", "no MD5"}
)

var (
	few = []string{"ada", "ben", "Ada", "Boss", "é\u2028 \"😀\""}
)

func sampled[V any](t *rapid.T, label string, values ...V) V {
	return rapid.SampledFrom(values).Draw(t, label)
}

// oneIn draws true once in n times.
func oneIn(t *rapid.T, n int, label string) bool { return rapid.IntRange(0, n-1).Draw(t, label) == n-1 }

var anyScenario = rapid.Custom(func(t *rapid.T) scenario {
	s := scenario{
		Deadline:        sampled(t, "deadline", time.Minute, 2*time.Minute, 15*time.Minute, 20*time.Second, 3*time.Second, time.Second, 50*time.Millisecond, time.Millisecond, 0),
		MaxReceiveCount: rapid.IntRange(1, 4).Draw(t, "max receive count"),
		Concurrency:     sampled(t, "concurrency", 1, 2, 3, 8),
		DryRun:          oneIn(t, 20, "dry run"),
		Allowed:         sampled(t, "allowed", nil, []string{"acme", "beta"}, []string{"acme"}),
		Protected:       sampled(t, "protected", nil, []string{"BOSS"}, []string{"ben", "u07", "bosſ"}),
		NoCredentials:   oneIn(t, 15, "no credentials"),
		Latency:         sampled(t, "latency", time.Millisecond, 300*time.Millisecond, 3*time.Second),
		Text:            sampled(t, "text", "PRIVATE", "", "PRIVATE\x01\uFFFE"+strings.Repeat("é", 600)),
	}
	for i, m := range rapid.SliceOfN(anyMessage, 0, 12).Draw(t, "messages") {
		again := m.again
		m.ID = fmt.Sprintf("m%d", i+1)
		m.Correlation = cmp.Or(m.Correlation, m.ID)
		if 0 < again && again <= i {
			count := m.Count
			m = s.Messages[i-again]
			m.Count = count
		}
		m.Receipt = fmt.Sprintf("receipt-%d", i+1)
		s.Messages = append(s.Messages, m)
	}
	kinds := [][]string{userErrors[:14], userErrors, nil, nil, nil, nil, nil, nil}
	for _, name := range slices.Sorted(maps.Keys(chimeAnswers)) {
		kind := 2 + chimeAnswers[name].meaning
		kinds[kind] = append(kinds[kind], name)
	}
	s.Chime = drawTroubles(t, []string{"acme", "beta", "acme/ada", "acme/ben", "acme/u07", "acme/u60", "beta/ada"}, kinds)
	messages := []string{"", "m1", "m2", "m3", "m4"}
	s.Letters = drawTroubles(t, messages, [][]string{entryAnswers, queueAnswers})
	s.Visibility = drawTroubles(t, messages, [][]string{entryAnswers[:5], queueAnswers})
	return s
})

// drawTroubles draws what happens to some, with answers of any of the kinds.
func drawTroubles(t *rapid.T, of []string, kinds [][]string) []trouble {
	answer := rapid.Custom(func(t *rapid.T) string { return sampled(t, "answer", sampled(t, "kind", kinds...)...) })
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) trouble {
		return trouble{
			Of:      sampled(t, "of", of...),
			Answers: rapid.SliceOfN(answer, 1, 3).Draw(t, "answers"),
			Ever:    rapid.Bool().Draw(t, "ever"),
		}
	}), 0, 3).Draw(t, "troubles")
}

// anyMessage is a record without its ID and receipt.
var anyMessage = rapid.Custom(func(t *rapid.T) drawnMessage {
	m := drawnMessage{
		Count:       rapid.IntRange(1, 5).Draw(t, "count"),
		Account:     sampled(t, "account", "acme", "acme", "beta", "gone"),
		Correlation: sampled(t, "correlation", "", "c-1", " \u0007é", strings.Repeat("c", 2000)),
		RequestedBy: sampled(t, "requested by", "", "PRIVATE"),
		Reason:      sampled(t, "reason", "", "PRIVATE \"\\\uFFFE\uFFFF\x00"),
		again:       sampled(t, "again", 0, 0, 0, 0, 0, 0, 1, 4),
	}
	many := oneIn(t, 2, "many")
	if !many && oneIn(t, 50, "large") {
		m.Reason = "PRIVATE" + strings.Repeat("x", sampled(t, "size", 300_000, 600_000, 1<<20-300, 1<<20))
	}
	if oneIn(t, 6, "invalid") {
		m.Invalid, m.Body = true, sampled(t, "body", invalidBodies...)+strings.Repeat(" ", len(m.Reason))
		return m
	}
	var written []string // the IDs as they stand
	if many {
		first, n := sampled(t, "first", 0, 25, 50, 60, 7), sampled(t, "users", 2, 50, 49, 25, 7)
		for u := first; u < first+n; u++ {
			written = append(written, fmt.Sprintf("u%02d", u))
		}
	} else {
		written = rapid.SliceOfN(rapid.SampledFrom(few), 1, 4).Draw(t, "users")
	}
	for _, id := range written {
		if !slices.Contains(m.Users, id) {
			m.Users = append(m.Users, id)
		}
	}
	space := sampled(t, "space", "", "\u00A0\n")
	for i := range written {
		written[i] = space + written[i]
	}
	request := map[string]any{"accountId": m.Account + space, "reason": m.Reason}
	if len(written) == 1 && rapid.Bool().Draw(t, "userId") {
		request["userId"] = written[0]
	} else {
		request["userIds"] = written
	}
	if m.Correlation != "" {
		request["correlationId"] = m.Correlation
	}
	if m.RequestedBy != "" || rapid.Bool().Draw(t, "null") {
		request["requestedBy"] = map[bool]any{true: m.RequestedBy, false: nil}[m.RequestedBy != ""]
	}
	m.Body = encoded(request)
	var eventID string // of the innermost event that has one
	for range rapid.IntRange(0, 2).Draw(t, "envelopes") {
		if rapid.Bool().Draw(t, "notification") {
			m.Body = encoded(map[string]any{"Type": "Notification", "Message": m.Body, "userid": "mallory"})
			continue
		}
		id := sampled(t, "event ID", "", "e-1", "e-2")
		m.Body = encoded(map[string]any{"detail-type": "left", "source": "hr", "detail": json.RawMessage(m.Body), "id": id})
		if eventID == "" {
			eventID = id
		}
	}
	m.Correlation = cmp.Or(m.Correlation, eventID)
	return m
})

// invalidBodies are about mallory, whom no valid message asks for.
var invalidBodies = []string{
	`PRIVATE`, ``, `null`, `{}`, `[{"accountId": "acme", "userId": "mallory"}]`, "\x00", "{\"accountId\": \"acme\", \"userId\": \"mallory\", \"reason\": \"\x01\"}",
	`{"accountId": "acme", "userId": "mallory", "userid": "PRIVATE"}`,
	`{"accountId": "acme", "userId": "mallory", "effectiveAt": null}`,
	`{"accountId": "acme", "userId": "mallory", "userIds": ["mallory"]}`,
	`{"accountId": "acme", "userId": "mallory", "reason": "\ud800"}`,
	`{"accountId": "acme", "userId": "mallory", "reason": 1}`,
	`{"accountId": "acme", "userId": "mallory", "userId": "mallory"}`,
	`{"accountId": "acme", "userId": "mallory"} {}`,
	`{"accountId": "acme", "userId": "mallory"`,
	`{"accountId": "acme", "userIds": []}`,
	`{"accountId": "acme", "userIds": ["mallory", "b\u0007d"]}`,
	`{"accountId": "acme", "userIds": ["mallory"` + strings.Repeat(`, "mallory"`, 50) + `]}`,
	`{"accountId": "acme/users", "userId": "mallory"}`,
	`{"accountId": "ACME!", "userId": "mallory"}`,
	`{"userId": "mallory"}`,
	`{"detail-type": "left", "source": "hr", "detail": {"accountId": "acme", "userId": "mallory", "action": "suspend"}}`,
	`{"Type": "Notification", "Message": "{\"Type\": \"Notification\", \"Message\": \"{\\\"Type\\\": \\\"Notification\\\", \\\"Message\\\": \\\"{}\\\"}\"}"}`,
}

func encoded(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// GoString makes a failing case readable.
func (s scenario) GoString() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n  deadline %v, max receive count %d, concurrency %d", s.Deadline, s.MaxReceiveCount, s.Concurrency)
	for _, setting := range []struct {
		set  bool
		text string
	}{
		{s.DryRun, "dry run"},
		{s.Allowed != nil, fmt.Sprintf("allowed %q", s.Allowed)},
		{s.Protected != nil, fmt.Sprintf("protected %q", s.Protected)},
		{s.NoCredentials, "no credentials"},
	} {
		if setting.set {
			b.WriteString(", " + setting.text)
		}
	}
	for _, m := range s.Messages {
		fmt.Fprintf(&b, "\n  %s, delivery %d, %s: %s", m.ID, m.Count, m.Receipt, shortened(m.Body))
	}
	fmt.Fprintf(&b, "\n  Chime takes %v and says %s", s.Latency, shortened(fmt.Sprintf("%q", s.Text)))
	for about, troubles := range map[string][]trouble{"Chime about": s.Chime, "letters of": s.Letters, "visibility of": s.Visibility} {
		for _, trouble := range troubles {
			ever := ", then nothing"
			if trouble.Ever {
				ever = ", ever on"
			}
			fmt.Fprintf(&b, "\n  %s %s: %q%s", about, cmp.Or(trouble.Of, "any"), trouble.Answers, ever)
		}
	}
	return b.String()
}

// shortened returns the text without the middle of one that is long.
func shortened(text string) string {
	const longest = 300
	if len(text) <= longest {
		return text
	}
	return fmt.Sprintf("%s … %d bytes … %s", text[:longest/2], len(text)-longest, text[len(text)-longest/2:])
}
