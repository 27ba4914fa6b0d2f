package chimeserver

import (
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/chime/types"
)

// exception is an error answer; its name goes into a header.
type exception struct {
	name    string
	status  int
	Code    types.ErrorCode `json:"Code,omitzero"`
	Message string          `json:"Message"`
}

// exceptions are those that the operations declare, with the texts of
// https://docs.aws.amazon.com/chime/latest/APIReference/API_BatchSuspendUser.html#API_BatchSuspendUser_Errors.
var exceptions = map[string]exception{
	"BadRequestException": {
		status: http.StatusBadRequest, Code: types.ErrorCodeBadRequest,
		Message: "The input parameters don't match the service's restrictions.",
	},
	"UnauthorizedClientException": {
		status: http.StatusUnauthorized, Code: types.ErrorCodeUnauthorized,
		Message: "The client is not currently authorized to make the request.",
	},
	"ForbiddenException": {
		status: http.StatusForbidden, Code: types.ErrorCodeForbidden,
		Message: "The client is permanently forbidden from making the request.",
	},
	"NotFoundException": {
		status: http.StatusNotFound, Code: types.ErrorCodeNotFound,
		Message: "One or more of the resources in the request does not exist in the system.",
	},
	"ThrottledClientException": {
		status: http.StatusTooManyRequests, Code: types.ErrorCodeThrottled,
		Message: "The client exceeded its request rate limit.",
	},
	"ServiceFailureException": {
		status: http.StatusInternalServerError, Code: types.ErrorCodeServiceFailure,
		Message: "The service encountered an unexpected error.",
	},
	"ServiceUnavailableException": {
		status: http.StatusServiceUnavailable, Code: types.ErrorCodeServiceUnavailable,
		Message: "The service is currently unavailable.",
	},
}

// refusal is the exception of that name. One that the operations do not declare
// comes without a Code, and its status is the caller's to set.
func refusal(name string) *exception {
	e, declared := exceptions[name]
	if !declared {
		e.Message = "The request is refused."
	}
	e.name = name
	return &e
}

func badRequest(message string) *exception {
	e := refusal("BadRequestException")
	e.Message = message
	return e
}

func notFound() *exception {
	return refusal("NotFoundException")
}

func missingToken() *exception {
	return &exception{
		name: "MissingAuthenticationTokenException", status: http.StatusForbidden,
		Message: "The request needs an Authorization header with a signature, version 4, for the service chime.",
	}
}

func unknownOperation() *exception {
	return &exception{
		name: "UnknownOperationException", status: http.StatusNotFound,
		Message: "The stand-in has no such operation.",
	}
}
