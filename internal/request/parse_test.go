package request_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"chime-offboarding/internal/request"
)

// ada is the least request there is.
const ada = `{"accountId": "acme", "userId": "ada"}`

// quoted returns the text as a JSON string.
func quoted(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(quoted)
}

// event returns an EventBridge event with an ID, which is JSON.
func event(id, detail string) string {
	return `{"version": "0", "id": ` + id + `, "detail-type": "Employee left", "source": "hr", "resources": [], "detail": ` + detail + `}`
}

// ignoring returns an event that has more members, around a request for ada.
func ignoring(members string) string {
	return `{` + members + `, "detail-type": "d", "source": "s", "detail": ` + ada + `}`
}

// notification returns an SNS notification.
func notification(message string) string {
	return `{"Type": "Notification", "MessageId": "n", "Message": ` + quoted(message) + `, "Timestamp": "2026-01-01T00:00:00.000Z"}`
}

// of returns a request of the account acme, which is who sends the requests of these tests.
func of(userIDs ...string) request.Request {
	return request.Request{AccountID: "acme", UserIDs: userIDs}
}

func correlated(id string) request.Request {
	return request.Request{AccountID: "acme", UserIDs: []string{"ada"}, CorrelationID: id}
}

// with returns a request of acme for ada that has more members.
func with(members string) string { return `{"accountId": "acme", "userId": "ada", ` + members + `}` }

func user(id string) string      { return `{"accountId": "acme", "userId": ` + quoted(id) + `}` }
func users(ids ...string) string { return `{"accountId": "acme", "userIds": ` + array(ids) + `}` }
func account(id string) string   { return `{"accountId": ` + quoted(id) + `, "userId": "ada"}` }

func array(ids []string) string {
	quotedIDs := make([]string, len(ids))
	for i, id := range ids {
		quotedIDs[i] = quoted(id)
	}
	return "[" + strings.Join(quotedIDs, ", ") + "]"
}

// numbered returns n different IDs.
func numbered(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = strconv.Itoa(i + 1)
	}
	return ids
}

var accepted = map[string]struct {
	body string
	want request.Request
}{
	"one user":           {ada, of("ada")},
	"several users":      {users("ada", "bob", "cleo"), of("ada", "bob", "cleo")},
	"an array of one":    {users("ada"), of("ada")},
	"all fields":         {with(`"correlationId": "c", "requestedBy": "hr", "reason": "left"`), request.Request{AccountID: "acme", UserIDs: []string{"ada"}, CorrelationID: "c", RequestedBy: "hr", Reason: "left"}},
	"any order":          {`{"reason": "left", "userId": "ada", "accountId": "acme"}`, request.Request{AccountID: "acme", UserIDs: []string{"ada"}, Reason: "left"}},
	"white space around": {"\r\n\t " + ada + " \t\r\n", of("ada")},
	"no white space":     {`{"accountId":"acme","userId":"ada"}`, of("ada")},

	// null counts as absent, and so does an empty optional string.
	"userIds null beside userId":                     {with(`"userIds": null`), of("ada")},
	"userId null beside userIds":                     {`{"accountId": "acme", "userId": null, "userIds": ["ada"]}`, of("ada")},
	"optional fields null":                           {with(`"correlationId": null, "requestedBy": null, "reason": null`), of("ada")},
	"optional fields empty":                          {with(`"correlationId": "", "requestedBy": "", "reason": ""`), of("ada")},
	"optional fields carried as are":                 {with(`"correlationId": " ", "requestedBy": "\t\u0000", "reason": " é\n\ufffe\ud83d\ude00 "`), request.Request{AccountID: "acme", UserIDs: []string{"ada"}, CorrelationID: " ", RequestedBy: "\t\x00", Reason: " é\n\uFFFE😀 "}},
	"an event with null request names":               {ignoring(`"accountId": null, "userId": null, "userIds": null`), of("ada")},
	"a notification with an event's names, one null": {`{"detail-type": null, "source": "s", "detail": {}, "Type": "Notification", "Message": ` + quoted(ada) + `}`, of("ada")},

	// Told apart by content, in order.
	"an event that could be a notification":                        {ignoring(`"Type": "Notification", "Message": ` + quoted(user("bob"))), of("ada")},
	"a notification, as detail is no object":                       {`{"Type": "Notification", "Message": ` + quoted(ada) + `, "detail-type": "d", "source": "s", "detail": "{}"}`, of("ada")},
	"a notification, as source is no string":                       {`{"Type": "Notification", "Message": ` + quoted(ada) + `, "detail-type": "d", "source": ["s"], "detail": {}}`, of("ada")},
	"a notification, as detail-type is no string":                  {`{"Type": "Notification", "Message": ` + quoted(ada) + `, "detail-type": 1, "source": "s", "detail": {}}`, of("ada")},
	"an event, as Type is no string":                               {ignoring(`"Type": 1, "Message": 1`), of("ada")},
	"an event with nothing but what it needs":                      {`{"detail-type": "", "source": "", "detail": ` + ada + `}`, of("ada")},
	"a notification with nothing but what it needs":                {`{"Message": ` + quoted(ada) + `, "Type": "Notification"}`, of("ada")},
	"a notification with white space around its message's request": {notification(" \n" + ada + "\n"), of("ada")},
	"unknown fields in an event":                                   {ignoring(`"userid": "x", "effectiveAt": {"a": [1, {"a": 2}]}, "action": null, "": 0`), of("ada")},
	"unknown fields in a notification":                             {`{"userid": "x", "effectiveAt": {"a": [1, {"a": 2}]}, "action": null, "": 0, "Type": "Notification", "Message": ` + quoted(ada) + `}`, of("ada")},
	"request fields that are not recognised in an event":           {ignoring(`"correlationId": "x", "reason": 1`), of("ada")},

	// The correlation ID is the request's own, else the ID of the innermost event that has one.
	"an event's ID":                                   {event(`"e"`, ada), correlated("e")},
	"an event's ID, as it is":                         {event(`" \u0065\n"`, ada), correlated(" e\n")},
	"the request's own ID before an event's":          {event(`"e"`, with(`"correlationId": "own"`)), correlated("own")},
	"an event's ID, as the own is empty":              {event(`"e"`, with(`"correlationId": ""`)), correlated("e")},
	"an event's ID, as the own is null":               {event(`"e"`, with(`"correlationId": null`)), correlated("e")},
	"the innermost event's ID":                        {event(`"outer"`, event(`"inner"`, ada)), correlated("inner")},
	"the outer event's ID, as the inner is empty":     {event(`"outer"`, event(`""`, ada)), correlated("outer")},
	"the outer event's ID, as the inner is null":      {event(`"outer"`, event(`null`, ada)), correlated("outer")},
	"the outer event's ID, as the inner is no string": {event(`"outer"`, event(`7`, ada)), correlated("outer")},
	"an ID that is a number":                          {event(`7`, ada), of("ada")},
	"an ID that is an object":                         {event(`{"id": "e"}`, ada), of("ada")},
	"an ID that is null":                              {event(`null`, ada), of("ada")},
	"an ID that is empty":                             {event(`""`, ada), of("ada")},
	"an ID in other letters":                          {ignoring(`"ID": "e", "Id": "e"`), of("ada")},
	"a notification's id is no event's":               {`{"id": "x", "Type": "Notification", "Message": ` + quoted(ada) + `}`, of("ada")},
	"an event's ID through a notification":            {event(`"e"`, notification(ada)), correlated("e")},
	"the ID of an event in a notification":            {notification(event(`"e"`, ada)), correlated("e")},

	// At most two envelopes.
	"a notification":                    {notification(ada), of("ada")},
	"a notification in a notification":  {notification(notification(ada)), of("ada")},
	"an event with several users":       {event(`"e"`, users("ada", "bob")), request.Request{AccountID: "acme", UserIDs: []string{"ada", "bob"}, CorrelationID: "e"}},
	"a notification with several users": {notification(users("ada", "bob")), of("ada", "bob")},

	// Names are compared after their escapes.
	"an escaped name":             {`{"accountId": "acme", "user\u0049d": "ada"}`, of("ada")},
	"an event with escaped names": {`{"detail\u002dtype": "d", "\u0073ource": "s", "detai\u006c": ` + ada + `, "\u0069d": "e"}`, correlated("e")},
	"an escaped Type":             {`{"T\u0079pe": "\u004eotification", "Messag\u0065": ` + quoted(ada) + `}`, of("ada")},
	"names a level apart":         {ignoring(`"id": {"id": {"id": 1}}`), of("ada")},
	"names that differ in case":   {ignoring(`"ID": 1, "Id": 1, "iD": 1`), of("ada")},

	// IDs are trimmed of white space.
	"white space around a user ID":          {user(" \t\r\n\v\fada \n"), of("ada")},
	"Unicode white space around a user ID":  {user("\u0085\u00A0\u1680\u2003\u2028\u2029\u202F\u205Fada\u3000\u0085"), of("ada")},
	"white space around IDs of an array":    {users(" ada", "bob\n", "\u3000cleo\u00A0"), of("ada", "bob", "cleo")},
	"white space around an account ID":      {account(" \u00A0\u3000acme\n\u0085"), of("ada")},
	"white space inside a user ID":          {user("ada lovelace"), of("ada lovelace")},
	"a zero-width space is not white space": {user("\u200Bada"), of("\u200Bada")},
	"a user ID is no path":                  {user("../x?y=%2F#"), of("../x?y=%2F#")},
	"a user ID with an escape":              {`{"accountId": "\u0061cme", "userId": "\ud83d\ude00\/\"\\"}`, of(`😀/"\`)},

	// Boundaries of lengths and counts.
	"an account ID of 1 character":                   {account("a"), request.Request{AccountID: "a", UserIDs: []string{"ada"}}},
	"an account ID of 127 characters":                {account(strings.Repeat("a", 127)), request.Request{AccountID: strings.Repeat("a", 127), UserIDs: []string{"ada"}}},
	"an account ID of 128 characters":                {account(strings.Repeat("-", 128)), request.Request{AccountID: strings.Repeat("-", 128), UserIDs: []string{"ada"}}},
	"an account ID of 128 characters in white space": {account("  " + strings.Repeat("_", 128) + "  "), request.Request{AccountID: strings.Repeat("_", 128), UserIDs: []string{"ada"}}},
	"an account ID of all kinds of characters":       {account("aZ09-_"), request.Request{AccountID: "aZ09-_", UserIDs: []string{"ada"}}},
	"a user ID of 1 character":                       {user("a"), of("a")},
	"a user ID of 127 characters":                    {user(strings.Repeat("a", 127)), of(strings.Repeat("a", 127))},
	"a user ID of 128 characters":                    {user(strings.Repeat("a", 128)), of(strings.Repeat("a", 128))},
	"a user ID of 128 characters of 2 bytes":         {user(strings.Repeat("é", 128)), of(strings.Repeat("é", 128))},
	"a user ID of 128 characters of 4 bytes":         {user(strings.Repeat("😀", 128)), of(strings.Repeat("😀", 128))},
	"a user ID of 128 characters in white space":     {user(" " + strings.Repeat("é", 128) + "\u3000"), of(strings.Repeat("é", 128))},
	"49 users":                         {users(numbered(49)...), of(numbered(49)...)},
	"50 users":                         {users(numbered(50)...), of(numbered(50)...)},
	"50 times the same user":           {users(slices.Repeat([]string{"ada"}, 50)...), of("ada")},
	"users once each, in their order":  {users("bob", "ada", " bob ", "Ada", "ada\n"), of("bob", "ada", "Ada")},
	"a reason of 100,000 characters":   {with(`"reason": ` + quoted(strings.Repeat("é", 100_000))), request.Request{AccountID: "acme", UserIDs: []string{"ada"}, Reason: strings.Repeat("é", 100_000)}},
	"100 brackets in an ignored field": {ignoring(`"x": ` + brackets(100)), of("ada")},
	"20,000 names in an ignored field": {ignoring(`"x": {` + members(20_000) + `}`), of("ada")},
}

func brackets(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

// members returns members with n different names.
func members(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = `"` + strconv.Itoa(i) + `": 0`
	}
	return strings.Join(list, ", ")
}

// What refusals say.
const (
	notJSON     = "send one JSON object"
	notObject   = "not a JSON object: send one"
	neither     = "neither a request (accountId with userId or userIds) nor an EventBridge event nor an SNS notification: send one of these"
	follows     = "something follows the JSON object"
	tooDeep     = "more than 2 events or notifications: send it with fewer"
	twice       = "stands twice in one object: send it once"
	unknown     = "is not a field of a request: leave it out"
	badAccount  = "a string of 1 to 128 letters, digits, - and _"
	badID       = "blank, longer than 128 characters, or contains a control character"
	notString   = "not a string"
	hasToString = "has to be a string"
)

type refusal struct{ body, field, problem string }

var refused = merge(map[string]refusal{
	// Anything that is not one JSON object.
	"nothing":                              {``, "", notObject},
	"white space":                          {" \n", "", notObject},
	"null":                                 {`null`, "", notObject},
	"true":                                 {`true`, "", notObject},
	"a number":                             {`1`, "", notObject},
	"a string":                             {quoted(ada), "", notObject},
	"an array":                             {`[` + ada + `]`, "", notObject},
	"text":                                 {`suspend ada`, "", notJSON},
	"a word cut short":                     {`nul`, "", notJSON},
	"an object cut short":                  {`{"accountId": "acme", "userId": "ada"`, "", notJSON},
	"an opening brace":                     {`{`, "", notJSON},
	"a closing brace":                      {`}`, "", notJSON},
	"a value cut short":                    {`{"accountId": "ac`, "", notJSON},
	"a name alone":                         {`{"accountId"}`, "", notJSON},
	"a name without its value":             {`{"accountId": }`, "", notJSON},
	"a name without quotes":                {`{accountId: "acme", userId: "ada"}`, "", notJSON},
	"a name that is a number":              {`{1: "acme"}`, "", notJSON},
	"single quotes":                        {`{'accountId': 'acme', 'userId': 'ada'}`, "", notJSON},
	"a comma at the end":                   {`{"accountId": "acme", "userId": "ada",}`, "", notJSON},
	"a comma at the start":                 {`{,"accountId": "acme", "userId": "ada"}`, "", notJSON},
	"a comma at the end of an array":       {`{"accountId": "acme", "userIds": ["ada",]}`, "", notJSON},
	"no comma":                             {`{"accountId": "acme" "userId": "ada"}`, "", notJSON},
	"no comma in an array":                 {`{"accountId": "acme", "userIds": ["ada" "bob"]}`, "", notJSON},
	"a comment":                            {`{"accountId": "acme", /* she left */ "userId": "ada"}`, "", notJSON},
	"NaN in an ignored field":              {ignoring(`"x": NaN`), "", notJSON},
	"a number with a leading zero":         {ignoring(`"x": 01`), "", notJSON},
	"a line break in a string":             {"{\"accountId\": \"acme\", \"userId\": \"ada\n\"}", "", notJSON},
	"an unknown escape":                    {`{"accountId": "acme", "userId": "\x61da"}`, "", notJSON},
	"a byte order mark":                    {"\uFEFF" + ada, "", notJSON},
	"a no-break space in front":            {"\u00A0" + ada, "", notJSON},
	"invalid UTF-8":                        {"{\"accountId\": \"acme\", \"userId\": \"ad\xE4\"}", "", notJSON},
	"invalid UTF-8 in a name":              {"{\"accountId\": \"acme\", \"userId\": \"ada\", \"\xFF\": 1}", "", notJSON},
	"a surrogate in UTF-8":                 {"{\"accountId\": \"acme\", \"userId\": \"\xED\xA0\x80\"}", "", notJSON},
	"a lone high surrogate":                {`{"accountId": "acme", "userId": "\ud83d"}`, "", notJSON},
	"a lone low surrogate":                 {`{"accountId": "acme", "userId": "\ude00"}`, "", notJSON},
	"surrogates the wrong way round":       {`{"accountId": "acme", "userId": "\ude00\ud83d"}`, "", notJSON},
	"a high surrogate before a text":       {with(`"reason": "\ud83dude00"`), "", notJSON},
	"a lone surrogate in a name":           {with(`"\ud83d": 1`), "", notJSON},
	"a lone surrogate in an ignored field": {ignoring(`"x": ["\ud83d"]`), "", notJSON},
	"a lone surrogate in a notification":   {`{"Type": "Notification", "Message": "{\"accountId\": \"acme\", \"userId\": \"\\ud83d\"}"}`, "", notJSON},

	// Trailing data.
	"a second object":             {ada + ada, "", follows},
	"a second object on a line":   {ada + "\n" + ada, "", follows},
	"text behind":                 {ada + " x", "", follows},
	"a brace too many":            {ada + "}", "", follows},
	"a comma behind":              {ada + ",", "", follows},
	"null behind":                 {ada + "null", "", follows},
	"a zero byte behind":          {ada + "\x00", "", follows},
	"a byte order mark behind":    {ada + "\uFEFF", "", follows},
	"text behind an event":        {event(`"e"`, ada) + "x", "", follows},
	"text behind a notification":  {notification(ada) + "x", "", follows},
	"text behind in notification": {notification(ada + "x"), "", follows},

	// Neither a request nor an envelope.
	"an empty object":                        {`{}`, "", neither},
	"only optional fields":                   {`{"correlationId": "c", "requestedBy": "hr", "reason": "left"}`, "", neither},
	"only null":                              {`{"accountId": null, "userId": null, "userIds": null}`, "", neither},
	"other names":                            {`{"account": "acme", "user": "ada"}`, "", neither},
	"names in other letters":                 {`{"AccountId": "acme", "userid": "ada", "UserIDs": []}`, "", neither},
	"a name with white space":                {`{"accountId ": "acme", " userId": "ada"}`, "", neither},
	"an event without a source":              {`{"detail-type": "d", "detail": ` + ada + `}`, "", neither},
	"an event whose source is null":          {`{"detail-type": "d", "source": null, "detail": ` + ada + `}`, "", neither},
	"an event whose source is an object":     {`{"detail-type": "d", "source": {}, "detail": ` + ada + `}`, "", neither},
	"an event without a detail-type":         {`{"source": "s", "detail": ` + ada + `}`, "", neither},
	"an event whose detail-type is a number": {`{"detail-type": 1, "source": "s", "detail": ` + ada + `}`, "", neither},
	"an event whose detail-type is true":     {`{"detail-type": true, "source": "s", "detail": ` + ada + `}`, "", neither},
	"an event in other letters":              {`{"Detail-Type": "d", "Source": "s", "Detail": ` + ada + `}`, "", neither},
	"an event without a detail":              {`{"detail-type": "d", "source": "s"}`, "", neither},
	"an event whose detail is null":          {event(`"e"`, `null`), "", neither},
	"an event whose detail is a string":      {event(`"e"`, quoted(ada)), "", neither},
	"an event whose detail is an array":      {event(`"e"`, `[`+ada+`]`), "", neither},
	"an event whose detail is empty":         {event(`"e"`, `{}`), "", neither},
	"a notification of another type":         {`{"Type": "SubscriptionConfirmation", "Message": ` + quoted(ada) + `}`, "", neither},
	"a notification in other letters":        {`{"type": "Notification", "message": ` + quoted(ada) + `}`, "", neither},
	"a Type in other letters":                {`{"Type": "notification", "Message": ` + quoted(ada) + `}`, "", neither},
	"a Type with white space":                {`{"Type": "Notification ", "Message": ` + quoted(ada) + `}`, "", neither},
	"a Type that is an array":                {`{"Type": ["Notification"], "Message": ` + quoted(ada) + `}`, "", neither},
	"a Type that is null":                    {`{"Type": null, "Message": ` + quoted(ada) + `}`, "", neither},
	"a notification without a Type":          {`{"Message": ` + quoted(ada) + `}`, "", neither},
	"a notification without a Message":       {`{"Type": "Notification"}`, "", neither},
	"a notification whose Message is null":   {`{"Type": "Notification", "Message": null}`, "", neither},
	"a Message that is an object":            {`{"Type": "Notification", "Message": ` + ada + `}`, "", neither},
	"a Message that is empty":                {notification(``), "", notObject},
	"a Message that is text":                 {notification(`hello`), "", notJSON},
	"a Message that is an array":             {notification(`[]`), "", notObject},
	"a Message that is null in JSON":         {notification(`null`), "", notObject},
	"a Message that is a string in JSON":     {notification(quoted(ada)), "", notObject},
	"a Message with a byte order mark":       {notification("\uFEFF" + ada), "", notJSON},
	"a Message cut short":                    {notification(ada[:20]), "", notJSON},
	"a Message with nothing in it":           {notification(`{}`), "", neither},

	// One of userId and userIds, not both; an account.
	"userId beside userIds":       {with(`"userIds": ["bob"]`), "userIds", "stands beside userId: send one of the two"},
	"userId beside empty userIds": {with(`"userIds": []`), "userIds", "stands beside userId"},
	"empty userId beside userIds": {`{"accountId": "acme", "userId": "", "userIds": ["ada"]}`, "userIds", "stands beside userId"},
	"an account without a user":   {`{"accountId": "acme"}`, "userId", "is missing: say whom to suspend"},
	"an account with null users":  {`{"accountId": "acme", "userId": null, "userIds": null}`, "userId", "is missing"},
	"a user without an account":   {`{"userId": "ada"}`, "accountId", badAccount},
	"users without an account":    {`{"userIds": ["ada"]}`, "accountId", badAccount},
	"a user of a null account":    {`{"accountId": null, "userId": "ada"}`, "accountId", badAccount},

	// Lengths, counts and characters of IDs.
	"an empty account ID":                       {account(""), "accountId", badAccount},
	"a blank account ID":                        {account(" \u3000"), "accountId", badAccount},
	"an account ID of 129 characters":           {account(strings.Repeat("a", 129)), "accountId", badAccount},
	"an account ID that is a path":              {account(".."), "accountId", badAccount},
	"an account ID with a slash":                {account("acme/users"), "accountId", badAccount},
	"an account ID with a percent sign":         {account("acme%2F"), "accountId", badAccount},
	"an account ID with a space inside":         {account("ac me"), "accountId", badAccount},
	"an account ID with an accent":              {account("acmé"), "accountId", badAccount},
	"an account ID with full-width letters":     {account("ａｃｍｅ"), "accountId", badAccount},
	"an account ID with a zero byte":            {account("acme\x00"), "accountId", badAccount},
	"an account ID like all":                    {account("*"), "accountId", badAccount},
	"an empty user ID":                          {user(""), "userId", badID},
	"a blank user ID":                           {user(" \t\n\u0085\u00A0\u2028\u3000"), "userId", badID},
	"a user ID of 129 characters":               {user(strings.Repeat("a", 129)), "userId", badID},
	"a user ID of 129 characters of 4 bytes":    {user(strings.Repeat("😀", 129)), "userId", badID},
	"a zero byte in a user ID":                  {user("a\x00da"), "userId", badID},
	"a zero byte before a user ID":              {user("\x00ada"), "userId", badID},
	"a zero byte behind a user ID":              {user("ada\x00"), "userId", badID},
	"a tab in a user ID":                        {user("a\tda"), "userId", badID},
	"a line break in a user ID":                 {user("ada\nbob"), "userId", badID},
	"a unit separator in a user ID":             {user("a\x1Fda"), "userId", badID},
	"a delete character in a user ID":           {user("a\x7Fda"), "userId", badID},
	"a first C1 control character in a user ID": {user("a\u0080da"), "userId", badID},
	"a next-line character in a user ID":        {user("a\u0085da"), "userId", badID},
	"a last C1 control character in a user ID":  {user("a\u009Fda"), "userId", badID},
	"no users":                             {users(), "userIds", "is empty: say whom to suspend"},
	"51 users":                             {users(numbered(51)...), "userIds", "more than 50 IDs: send several messages"},
	"51 times the same user":               {users(slices.Repeat([]string{"ada"}, 51)...), "userIds", "more than 50 IDs"},
	"an empty ID among others":             {users("ada", "", "bob"), "userIds", badID},
	"a blank ID at the end":                {users("ada", "bob", " "), "userIds", badID},
	"an ID of 129 characters among others": {users("ada", strings.Repeat("é", 129)), "userIds", badID},
	"a control character among others":     {users("ada", "b\x1Bob"), "userIds", badID},
	"null among others":                    {`{"accountId": "acme", "userIds": ["ada", null]}`, "userIds", notString},
	"a number among others":                {`{"accountId": "acme", "userIds": [7, "ada"]}`, "userIds", notString},
	"an array among others":                {`{"accountId": "acme", "userIds": ["ada", ["bob"]]}`, "userIds", notString},
	"an object among others":               {`{"accountId": "acme", "userIds": [{"userId": "ada"}]}`, "userIds", notString},
	"true among others":                    {`{"accountId": "acme", "userIds": ["ada", true]}`, "userIds", notString},

	// Envelopes do not make an invalid request valid.
	"an invalid request in an event":           {event(`"e"`, user("")), "userId", badID},
	"an invalid request in a notification":     {notification(user("")), "userId", badID},
	"an unknown field in an event's request":   {event(`"e"`, with(`"action": "suspend"`)), "action", unknown},
	"an unknown field in a notification's":     {notification(with(`"action": "suspend"`)), "action", unknown},
	"an event's ID does not mend a wrong type": {event(`"e"`, with(`"correlationId": 7`)), "correlationId", hasToString},

	// A request that looks like an envelope too is a request, with fields that it does not know.
	"a request that looks like an event":         {ignoring(`"accountId": "acme"`), "detail-type", unknown},
	"a request that looks like a notification":   {`{"userIds": ["ada"], "Type": "Notification", "Message": ` + quoted(ada) + `}`, "Type", unknown},
	"a request with an invalid account and more": {`{"accountId": 7, "Message": "m"}`, "Message", unknown},
	"the first of several unknown fields":        {with(`"effectiveAt": 1, "action": 2`), "effectiveAt", unknown},
	"an unknown field in front":                  {`{"action": null, "accountId": "acme", "userId": "ada"}`, "action", unknown},
	"an unknown field with an escape":            {with(`"\u0061ction": null`), "action", unknown},
	"an unknown field beyond ASCII":              {with(`"größe\ud83d\ude00": 1`), "größe😀", unknown},
	"a field without a name":                     {with(`"": 1`), "", "is not a field of a request"},
	"a field without a name, null":               {`{"": null, "accountId": "acme", "userId": "ada"}`, "", "is not a field of a request"},

	// Duplicate names, at any depth.
	"an account twice":                  {`{"accountId": "acme", "accountId": "acme", "userId": "ada"}`, "accountId", twice},
	"a user twice":                      {`{"accountId": "acme", "userId": "ada", "userId": "bob"}`, "userId", twice},
	"users twice":                       {`{"accountId": "acme", "userIds": ["ada"], "userIds": ["ada"]}`, "userIds", twice},
	"null and a user":                   {`{"accountId": "acme", "userId": null, "userId": "ada"}`, "userId", twice},
	"a user and null":                   {`{"accountId": "acme", "userId": "ada", "userId": null}`, "userId", twice},
	"a reason twice":                    {with(`"reason": "a", "reason": "a"`), "reason", twice},
	"an unknown field twice":            {with(`"action": 1, "action": 1`), "action", twice},
	"a name escaped and plain":          {`{"accountId": "acme", "userId": "ada", "user\u0049d": "bob"}`, "userId", twice},
	"a name beyond ASCII, two ways":     {ignoring(`"x": {"é": 1, "\u00e9": 2}`), "é", twice},
	"a name with ~ and / twice":         {ignoring(`"x": {"a~1/b": 1, "a~1/b": 2}`), "a~1/b", twice},
	"a name of an event twice":          {ignoring(`"source": "s"`), "source", twice},
	"an ignored name of an event twice": {ignoring(`"x": 1, "x": 1`), "x", twice},
	"deep in an ignored field":          {ignoring(`"x": [0, {"y": [[{"z": 1, "z": 1}]]}]`), "z", twice},
	"deep behind the detail":            {`{"detail-type": "d", "source": "s", "detail": ` + ada + `, "x": {"y": {"z": 1, "z": 1}}}`, "z", twice},
	"in the detail":                     {event(`"e"`, `{"accountId": "acme", "userId": "ada", "userId": "ada"}`), "userId", twice},
	"in an event's ID":                  {event(`{"x": 1, "x": 2}`, ada), "x", twice},
	"an ignored name of a notification": {`{"x": 1, "x": 1, "Type": "Notification", "Message": ` + quoted(ada) + `}`, "x", twice},
	"a Message twice":                   {`{"Type": "Notification", "Message": ` + quoted(ada) + `, "Message": ` + quoted(ada) + `}`, "Message", twice},
	"inside a notification":             {notification(`{"accountId": "acme", "userId": "ada", "userId": "ada"}`), "userId", twice},
	"deep inside a notification":        {notification(ignoring(`"x": {"y": 1, "y": 1}`)), "y", twice},
	"inside a notification in an event": {event(`"e"`, notification(`{"accountId": "acme", "userId": "ada", "user\u0049d": "ada"}`)), "userId", twice},
	"in a user ID that is an object":    {`{"accountId": "acme", "userId": {"x": 1, "x": 1}}`, "x", twice},
	"20,000 times one name":             {`{` + strings.Repeat(`"x": 0, `, 20_000) + `"x": 0}`, "x", twice},
	"the last of 20,000 names":          {ignoring(`"x": {` + members(20_000) + `, "19999": 0}`), "19999", twice},

	// What would exhaust a parser.
	"100,000 brackets":                     {brackets(100_000), "", notObject},
	"100,000 brackets that open":           {strings.Repeat("[", 100_000), "", notObject},
	"100,000 objects":                      {strings.Repeat(`{"a":`, 100_000) + "0" + strings.Repeat("}", 100_000), "", notJSON},
	"100,000 brackets in an ignored field": {ignoring(`"x": ` + brackets(100_000)), "", notJSON},
	"100,000 brackets in a request":        {`{"accountId": "acme", "userIds": ` + brackets(100_000) + `}`, "", notJSON},
	"100,000 brackets in a notification":   {notification(brackets(100_000)), "", notObject},
	"100,000 users":                        {users(numbered(100_000)...), "userIds", "more than 50 IDs"},
}, wrongTypes(), unknownFields())

// wrongTypes gives each field each type that it does not take. Null is none of them.
func wrongTypes() map[string]refusal {
	all := map[string]string{"a number": `7`, "true": `true`, "false": `false`, "an object": `{"x": "ada"}`, "an array": `["ada"]`, "a string": `"ada"`}
	tests := make(map[string]refusal)
	for field, takes := range map[string]string{"accountId": "a string", "userId": "a string", "userIds": "an array", "correlationId": "a string", "requestedBy": "a string", "reason": "a string"} {
		for kind, value := range all {
			if kind == takes {
				continue
			}
			test := refusal{with(fmt.Sprintf("%q: %s", field, value)), field, hasToString}
			switch field {
			case "accountId":
				test = refusal{`{"accountId": ` + value + `, "userId": "ada"}`, field, badAccount}
			case "userId":
				test = refusal{`{"accountId": "acme", "userId": ` + value + `}`, field, notString}
			case "userIds":
				test = refusal{`{"accountId": "acme", "userIds": ` + value + `}`, field, "has to be an array of strings"}
			}
			tests[field+" that is "+kind] = test
		}
	}
	return tests
}

// unknownFields gives a request each of some fields that it does not know, with each kind of value.
func unknownFields() map[string]refusal {
	tests := make(map[string]refusal)
	for _, field := range []string{"effectiveAt", "action", "userid", "UserId", "accountid", "userIDs", "CorrelationId", "id", "detail-type", "source", "detail", "Type", "Message", "reason ", "$comment"} {
		for _, value := range []string{`null`, `""`, `"x"`, `0`, `false`, `[]`, `{}`} {
			tests[field+" that is "+value] = refusal{with(fmt.Sprintf("%q: %s", field, value)), field, unknown}
		}
	}
	return tests
}

func merge(tables ...map[string]refusal) map[string]refusal {
	all := make(map[string]refusal)
	for _, table := range tables {
		maps.Copy(all, table)
	}
	return all
}

func TestParse(t *testing.T) {
	t.Parallel()
	for name, test := range accepted {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p request.Parser
			got, err := p.Parse(test.body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range refused {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p request.Parser
			got, err := p.Parse(test.body)
			var e *request.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %+v and error %v, want an *Error", got, err)
			}
			if diff := cmp.Diff(request.Request{}, got); diff != "" {
				t.Errorf("request beside the error (-want +got):\n%s", diff)
			}
			if e.Field != test.field {
				t.Errorf("field %q, want %q", e.Field, test.field)
			}
			if !strings.Contains(e.Problem, test.problem) {
				t.Errorf("problem %q, want one with %q", e.Problem, test.problem)
			}
			if text := e.Error(); !strings.Contains(text, e.Problem) || !strings.Contains(text, e.Field) {
				t.Errorf("error %q, want one with the field and the problem", text)
			}
		})
	}
}

func TestEveryProblemSaysWhatToDo(t *testing.T) {
	t.Parallel()
	remedy := regexp.MustCompile(`\b(send|leave|say|use|shorten|give|has to be|have to be)\b`)
	told := make(map[string]bool)
	for _, test := range refused {
		var p request.Parser
		_, err := p.Parse(test.body)
		if e := new(request.Error); errors.As(err, &e) && !remedy.MatchString(e.Problem) && !told[e.Problem] {
			told[e.Problem] = true
			t.Errorf("problem of %.60s: %q", test.body, e.Problem)
		}
	}
}

func TestParseOpensAtMostTwoEnvelopes(t *testing.T) {
	t.Parallel()
	for _, envelopes := range []string{"", "e", "n", "ee", "en", "ne", "nn", "eee", "een", "ene", "enn", "nee", "nen", "nne", "nnn", "eeee", "nnnn"} {
		t.Run("envelopes "+envelopes, func(t *testing.T) {
			t.Parallel()
			body := ada
			for _, envelope := range slices.Backward([]byte(envelopes)) {
				if envelope == 'e' {
					body = event(`"e"`, body)
				} else {
					body = notification(body)
				}
			}
			var p request.Parser
			got, err := p.Parse(body)
			if len(envelopes) > 2 {
				if err == nil || !strings.Contains(err.Error(), tooDeep) {
					t.Errorf("got error %v, want one with %q", err, tooDeep)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := of("ada")
			if strings.Contains(envelopes, "e") {
				want.CorrelationID = "e"
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAParserKeepsNothingOfTheBodyBefore(t *testing.T) {
	t.Parallel()
	var p request.Parser
	var kept []request.Request
	var want []request.Request
	for range 2 {
		for _, test := range refused {
			if _, err := p.Parse(test.body); err == nil {
				t.Errorf("parsing %.100q got no error", test.body)
			}
		}
		for _, test := range accepted {
			got, err := p.Parse(test.body)
			if err != nil {
				t.Fatalf("parsing %.100q: %v", test.body, err)
			}
			kept = append(kept, got)
			want = append(want, test.want)
		}
	}
	if diff := cmp.Diff(want, kept); diff != "" {
		t.Errorf("requests of one parser (-want +got):\n%s", diff)
	}
}

func TestErrorNamesTheFieldFirst(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]*request.Error{
		`"userId" is missing: send it`: {Field: "userId", Problem: "is missing: send it"},
		`the body is empty: send one`:  {Problem: "the body is empty: send one"},
	} {
		if got := err.Error(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
