// Package failure names what went wrong with a call of an AWS service: by the type and the code of the error, never by its
// text, which may hold anything.
package failure

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/aws/smithy-go"
)

// RequestFailed is the code of a failure that has no name.
const RequestFailed = "RequestFailed"

// Code returns the exception's name without "Exception" (ThrottledClient, Forbidden, …), or RequestFailed where the
// service gave none.
func Code(err error) string {
	var api smithy.APIError
	if NoCredentials(err) || !errors.As(err, &api) {
		return RequestFailed
	}
	code := strings.TrimSuffix(api.ErrorCode(), "Exception")
	if !IsCode(code) || code == "UnknownError" { // The SDK's name for an answer without one.
		return RequestFailed
	}
	return code
}

// IsCode reports whether a service's answer has a name where its code belongs, 1 to 128 of A-Z a-z 0-9 . - _, and not some
// text, which would end up in the log.
func IsCode(code string) bool {
	const maxLength = 128
	return code != "" && len(code) <= maxLength && !strings.ContainsFunc(code, func(r rune) bool {
		return (r < 'a' || 'z' < r) && (r < 'A' || 'Z' < r) && (r < '0' || '9' < r) && !strings.ContainsRune(".-_", r)
	})
}

// Status returns the HTTP status code of the answer, or 0 where there was none.
func Status(err error) int {
	var response interface{ HTTPStatusCode() int }
	if NoCredentials(err) || !errors.As(err, &response) {
		return 0
	}
	return response.HTTPStatusCode()
}

// Unreadable reports whether an answer came that is not what the service speaks.
func Unreadable(err error) bool {
	var unreadable *smithy.DeserializationError
	return errors.As(err, &unreadable)
}

// Cause says in a few words of its own, safe to log, why a call failed.
func Cause(err error) string {
	var (
		timeout interface{ Timeout() bool }
		dns     *net.DNSError
		errno   syscall.Errno
		api     smithy.APIError
	)
	switch {
	case NoCredentials(err):
		return "no credentials"
	case errors.As(err, &api):
		return "refused by the service"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.As(err, &dns):
		return "host name not found"
	case errors.As(err, &errno):
		return errno.Error()
	case Unreadable(err):
		return "unreadable answer"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed by the other side"
	default:
		return "no answer"
	}
}
