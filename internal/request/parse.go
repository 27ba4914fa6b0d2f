package request

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"chime-offboarding/internal/plain"
)

// maxEnvelopes is how many events and notifications may stand around a request: an EventBridge event that an SNS topic
// hands on has two.
const maxEnvelopes = 2

// Error says why a body is not a request and what to do about it.
type Error struct {
	Field   string // the field at fault, safe to log; empty where it is the body as a whole
	Problem string // may quote a character of the body: for a dead letter, not for a log
}

func (e *Error) Error() string {
	if e.Field == "" {
		return e.Problem
	}
	return fmt.Sprintf("%q %s", e.Field, e.Problem)
}

// A Parser parses one body after the other. The zero value is ready; it is not for concurrent use.
type Parser struct {
	decoder jsontext.Decoder
	input   bytes.Buffer
	scratch []byte // what the decoder reads
}

// Parse returns the request in a message's body, or what is wrong with it.
func (p *Parser) Parse(body string) (Request, *Error) {
	return p.unwrap(body, "", 0)
}

// unwrap is given the correlation ID that the events around the body gave, and how many envelopes are around it.
func (p *Parser) unwrap(body, correlationID string, envelopes int) (Request, *Error) {
	f, ok := plainFields(body)
	if !ok {
		var err *Error
		if f, err = p.fields(body); err != nil {
			return Request{}, err
		}
	}
	switch {
	case f.accountID != "" || f.userID != "" || f.userIDs != "":
		return p.request(&f, correlationID)
	case f.detailType.kind() == '"' && f.source.kind() == '"' && f.detail.kind() == '{':
		body = string(f.detail)
		if f.id.kind() == '"' {
			correlationID = cmp.Or(f.id.text(), correlationID)
		}
	case f.kind.kind() == '"' && f.kind.text() == "Notification" && f.message.kind() == '"':
		body = f.message.text()
	default:
		return Request{}, &Error{Problem: "the body is neither a request (accountId with userId or userIds) nor an EventBridge event nor an SNS notification: send one of these"}
	}
	if envelopes == maxEnvelopes {
		return Request{}, &Error{Problem: fmt.Sprintf("the request is wrapped in more than %d events or notifications: send it with fewer", maxEnvelopes)}
	}
	return p.unwrap(body, correlationID, envelopes+1)
}

// fields are the values of one object, empty where a name is absent or its value null.
type fields struct {
	accountID, userID, userIDs, correlationID, requestedBy, reason value // of a request
	detailType, source, detail, id                                 value // of an EventBridge event
	kind, message                                                  value // of an SNS notification

	unknown *string // the first name that no request has
}

// named returns where the value of a name belongs, nil for nowhere, and whether a request has that name.
func (f *fields) named(name string) (field *value, ofRequest bool) {
	switch name {
	case "accountId":
		return &f.accountID, true
	case "userId":
		return &f.userID, true
	case "userIds":
		return &f.userIDs, true
	case "correlationId":
		return &f.correlationID, true
	case "requestedBy":
		return &f.requestedBy, true
	case "reason":
		return &f.reason, true
	case "detail-type":
		return &f.detailType, false
	case "source":
		return &f.source, false
	case "detail":
		return &f.detail, false
	case "id":
		return &f.id, false
	case "Type":
		return &f.kind, false
	case "Message":
		return &f.message, false
	}
	return nil, false
}

// plainFields is quick to read what most bodies are: strings, under different names that a request has. All other bodies are
// for Parser.fields, which would make the same of these.
func plainFields(body string) (f fields, ok bool) {
	r := plain.NewReader(body)
	for name := range r.Object() {
		field, ofRequest := f.named(name)
		if !ofRequest || *field != "" {
			return f, false
		}
		*field = value(r.Quoted())
	}
	return f, r.Done()
}

// fields reads a body that has to be one JSON object, without duplicate names at any depth.
func (p *Parser) fields(body string) (fields, *Error) {
	var f fields
	d := &p.decoder
	d.Reset(p.copied(body))
	start, err := d.ReadToken()
	switch {
	case err == nil && start.Kind() != '{', errors.Is(err, io.EOF):
		return f, &Error{Problem: "the body is not a JSON object: send one"}
	case err != nil:
		return f, syntaxError(err)
	}
	for d.PeekKind() != '}' {
		quoted, err := p.next(body)
		if err != nil {
			return f, syntaxError(err)
		}
		name := quoted.text()
		field, ofRequest := f.named(name)
		if !ofRequest && f.unknown == nil {
			f.unknown = new(name)
		}
		member, err := p.next(body)
		if err != nil {
			return f, syntaxError(err)
		}
		if field != nil && member.kind() != 'n' {
			*field = member
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return f, syntaxError(err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return f, &Error{Problem: "something follows the JSON object: send one object a message and nothing else"}
	}
	return f, nil
}

// request makes a request of the fields of one.
func (p *Parser) request(f *fields, correlationID string) (Request, *Error) {
	if f.unknown != nil {
		return Request{}, &Error{Field: *f.unknown, Problem: "is not a field of a request: leave it out; there are accountId, userId, userIds, correlationId, requestedBy and reason"}
	}
	r := Request{CorrelationID: correlationID}
	if f.accountID.kind() == '"' {
		r.AccountID = strings.TrimSpace(f.accountID.text())
	}
	if !ValidAccountID(r.AccountID) {
		return Request{}, &Error{Field: "accountId", Problem: fmt.Sprintf("has to be a string of 1 to %d letters, digits, - and _", maxIDLength)}
	}

	var err *Error
	switch {
	case f.userID != "" && f.userIDs != "":
		return Request{}, &Error{Field: "userIds", Problem: "stands beside userId: send one of the two"}
	case f.userID != "":
		r.UserIDs = make([]string, 1)
		r.UserIDs[0], err = user("userId", f.userID)
	case f.userIDs != "":
		r.UserIDs, err = p.users(f.userIDs)
	default:
		err = &Error{Field: "userId", Problem: "is missing: say whom to suspend, with userId or userIds"}
	}
	if err != nil {
		return Request{}, err
	}

	for _, optional := range []struct {
		name  string
		value value
		field *string
	}{
		{"correlationId", f.correlationID, &r.CorrelationID},
		{"requestedBy", f.requestedBy, &r.RequestedBy},
		{"reason", f.reason, &r.Reason},
	} {
		switch {
		case optional.value == "":
		case optional.value.kind() != '"':
			return Request{}, &Error{Field: optional.name, Problem: "has to be a string"}
		default:
			*optional.field = cmp.Or(optional.value.text(), *optional.field)
		}
	}
	return r, nil
}

// users returns the IDs of the array, each once.
func (p *Parser) users(array value) ([]string, *Error) {
	if array.kind() != '[' {
		return nil, &Error{Field: "userIds", Problem: "has to be an array of strings"}
	}
	d := &p.decoder
	d.Reset(p.copied(string(array)))
	_, _ = d.ReadToken() // The array was read before: there are no errors in it.
	var ids []string
	for count := 0; d.PeekKind() != ']'; count++ {
		element, _ := p.next(string(array))
		if count == MaxUsers {
			return nil, &Error{Field: "userIds", Problem: fmt.Sprintf("has more than %d IDs: send several messages", MaxUsers)}
		}
		id, invalid := user("userIds", element)
		if invalid != nil {
			return nil, invalid
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil, &Error{Field: "userIds", Problem: "is empty: say whom to suspend"}
	}
	return ids, nil
}

// user returns the ID that a field, or one element of it, gives.
func user(field string, v value) (string, *Error) {
	if v.kind() != '"' {
		return "", &Error{Field: field, Problem: "has an ID that is not a string: send strings"}
	}
	id := strings.TrimSpace(v.text())
	if !ValidUserID(id) {
		return "", &Error{Field: field, Problem: fmt.Sprintf("has an ID that is blank, longer than %d characters, or contains a control character: send the ID as Chime shows it", maxIDLength)}
	}
	return id, nil
}

// next reads the next value of the text that the decoder has, and returns it as a part of that.
func (p *Parser) next(text string) (value, error) {
	next, err := p.decoder.ReadValue()
	end := int(p.decoder.InputOffset())
	return value(text[end-len(next) : end]), err
}

// copied returns a text for the decoder to read, one at a time.
func (p *Parser) copied(text string) *bytes.Buffer {
	p.scratch = append(p.scratch[:0], text...)
	p.input = *bytes.NewBuffer(p.scratch)
	return &p.input
}

// value is valid JSON as it stands, or nothing.
type value string

// kind returns its first character, which tells what it is.
func (v value) kind() byte {
	if v == "" {
		return 0
	}
	return v[0]
}

// text returns what a string stands for. Without escapes, that is a part of the body.
func (v value) text() string {
	if strings.IndexByte(string(v), '\\') < 0 {
		return string(v[1 : len(v)-1])
	}
	text, _ := jsontext.AppendUnquote(nil, string(v)) // It is valid.
	return string(text)
}

// syntaxError says what is wrong with a body that is not the JSON wanted.
func syntaxError(err error) *Error {
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) && errors.Is(err, jsontext.ErrDuplicateName) {
		return &Error{Field: syntactic.JSONPointer.LastToken(), Problem: "stands twice in one object: send it once"}
	}
	return &Error{Problem: fmt.Sprintf("the body is not valid JSON (%v): send one JSON object", err)}
}
