package request

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
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
	text    []byte // scratch for a string without its escapes
	account string // the last account ID: neighbours often have the same
}

// Parse returns the request in a message's body, which may be reused afterwards, or what is wrong with it.
func (p *Parser) Parse(body []byte) (Request, *Error) {
	return p.unwrap(body, "", 0)
}

// unwrap is given the correlation ID that the events around the body gave, and how many envelopes are around it.
func (p *Parser) unwrap(body []byte, correlationID string, envelopes int) (Request, *Error) {
	f, err := p.fields(body)
	if err != nil {
		return Request{}, err
	}
	switch {
	case f.accountID != nil || f.userID != nil || f.userIDs != nil:
		return p.request(&f, correlationID)
	case f.detailType.Kind() == '"' && f.source.Kind() == '"' && f.detail.Kind() == '{':
		body = f.detail
		if f.id.Kind() == '"' && len(p.unquote(f.id)) > 0 {
			correlationID = string(p.text)
		}
	case f.kind.Kind() == '"' && string(p.unquote(f.kind)) == "Notification" && f.message.Kind() == '"':
		body = bytes.Clone(p.unquote(f.message))
	default:
		return Request{}, &Error{Problem: "the body is neither a request (accountId with userId or userIds) nor an EventBridge event nor an SNS notification: send one of these"}
	}
	if envelopes == maxEnvelopes {
		return Request{}, &Error{Problem: fmt.Sprintf("the request is wrapped in more than %d events or notifications: send it with fewer", maxEnvelopes)}
	}
	return p.unwrap(body, correlationID, envelopes+1)
}

// fields are the values of one object as they stand, nil where a name is absent or its value null.
type fields struct {
	accountID, userID, userIDs, correlationID, requestedBy, reason jsontext.Value // of a request
	detailType, source, detail, id                                 jsontext.Value // of an EventBridge event
	kind, message                                                  jsontext.Value // of an SNS notification

	unknown *string // the first name that no request has
}

// named returns where the value of a name belongs, nil for nowhere, and whether a request has that name.
func (f *fields) named(name []byte) (field *jsontext.Value, ofRequest bool) {
	switch string(name) {
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

// fields reads a body that has to be one JSON object, without duplicate names at any depth.
func (p *Parser) fields(body []byte) (fields, *Error) {
	var f fields
	d := &p.decoder
	p.input = *bytes.NewBuffer(body)
	d.Reset(&p.input)
	start, err := d.ReadToken()
	switch {
	case err == nil && start.Kind() != '{', errors.Is(err, io.EOF):
		return f, &Error{Problem: "the body is not a JSON object: send one"}
	case err != nil:
		return f, syntaxError(err)
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadValue()
		if err != nil {
			return f, syntaxError(err)
		}
		field, ofRequest := f.named(p.unquote(name))
		if !ofRequest && f.unknown == nil {
			f.unknown = new(string(p.text))
		}
		value, err := d.ReadValue()
		if err != nil {
			return f, syntaxError(err)
		}
		if field != nil && value.Kind() != 'n' {
			// The decoder's own slice is good until its next step only, the same bytes of the body last.
			end := int(d.InputOffset())
			*field = body[end-len(value) : end]
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
	if f.accountID.Kind() != '"' || !ValidAccountID(string(bytes.TrimSpace(p.unquote(f.accountID)))) {
		return Request{}, &Error{Field: "accountId", Problem: fmt.Sprintf("has to be a string of 1 to %d letters, digits, - and _", maxIDLength)}
	}
	if id := bytes.TrimSpace(p.text); string(id) != p.account {
		p.account = string(id)
	}
	r.AccountID = p.account

	var err *Error
	switch {
	case f.userID != nil && f.userIDs != nil:
		return Request{}, &Error{Field: "userIds", Problem: "stands beside userId: send one of the two"}
	case f.userID != nil:
		r.UserIDs = make([]string, 1)
		r.UserIDs[0], err = p.user("userId", f.userID)
	case f.userIDs != nil:
		r.UserIDs, err = p.users(f.userIDs)
	default:
		err = &Error{Field: "userId", Problem: "is missing: say whom to suspend, with userId or userIds"}
	}
	if err != nil {
		return Request{}, err
	}

	for _, optional := range []struct {
		name  string
		value jsontext.Value
		field *string
	}{
		{"correlationId", f.correlationID, &r.CorrelationID},
		{"requestedBy", f.requestedBy, &r.RequestedBy},
		{"reason", f.reason, &r.Reason},
	} {
		switch {
		case optional.value == nil:
		case optional.value.Kind() != '"':
			return Request{}, &Error{Field: optional.name, Problem: "has to be a string"}
		case len(p.unquote(optional.value)) > 0:
			*optional.field = string(p.text)
		}
	}
	return r, nil
}

// users returns the IDs of the array, each once.
func (p *Parser) users(array jsontext.Value) ([]string, *Error) {
	if array.Kind() != '[' {
		return nil, &Error{Field: "userIds", Problem: "has to be an array of strings"}
	}
	p.input = *bytes.NewBuffer(array)
	d := &p.decoder
	d.Reset(&p.input)
	_, _ = d.ReadToken() // The array was read before: there are no errors in it.
	var ids []string
	for count := 0; d.PeekKind() != ']'; count++ {
		value, _ := d.ReadValue()
		if count == MaxUsers {
			return nil, &Error{Field: "userIds", Problem: fmt.Sprintf("has more than %d IDs: send several messages", MaxUsers)}
		}
		id, invalid := p.user("userIds", value)
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
func (p *Parser) user(field string, value jsontext.Value) (string, *Error) {
	if value.Kind() != '"' {
		return "", &Error{Field: field, Problem: "has an ID that is not a string: send strings"}
	}
	id := strings.TrimSpace(string(p.unquote(value)))
	if !ValidUserID(id) {
		return "", &Error{Field: field, Problem: fmt.Sprintf("has an ID that is blank, longer than %d characters, or contains a control character: send the ID as Chime shows it", maxIDLength)}
	}
	return id, nil
}

// unquote returns what a JSON string that was read before stands for. The slice, p.text, is good until the next call.
func (p *Parser) unquote(quoted jsontext.Value) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		p.text = append(p.text[:0], quoted[1:len(quoted)-1]...)
	} else {
		p.text, _ = jsontext.AppendUnquote(p.text[:0], quoted) // The decoder has checked it.
	}
	return p.text
}

// syntaxError says what is wrong with a body that is not the JSON wanted.
func syntaxError(err error) *Error {
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) && errors.Is(err, jsontext.ErrDuplicateName) {
		return &Error{Field: syntactic.JSONPointer.LastToken(), Problem: "stands twice in one object: send it once"}
	}
	return &Error{Problem: fmt.Sprintf("the body is not valid JSON (%v): send one JSON object", err)}
}
