package queueserver

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// fault is a kind of refusal. Clients of the JSON protocol tell faults apart by shape; clients that know the older query
// protocol go by code. Status and code are those of the service's model,
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-json-api-responses.html.
type fault struct {
	status int
	shape  string
	code   string
}

const (
	modelled = "com.amazonaws.sqs#"
	common   = "com.amazon.coral.service#"
	service  = "AWS.SimpleQueueService."
)

// The faults of SQS's own model.
var (
	batchEntryIDsNotDistinct     = fault{http.StatusBadRequest, modelled + "BatchEntryIdsNotDistinct", service + "BatchEntryIdsNotDistinct"}
	batchRequestTooLong          = fault{http.StatusBadRequest, modelled + "BatchRequestTooLong", service + "BatchRequestTooLong"}
	emptyBatchRequest            = fault{http.StatusBadRequest, modelled + "EmptyBatchRequest", service + "EmptyBatchRequest"}
	invalidAttributeName         = fault{http.StatusBadRequest, modelled + "InvalidAttributeName", "InvalidAttributeName"}
	invalidAttributeValue        = fault{http.StatusBadRequest, modelled + "InvalidAttributeValue", "InvalidAttributeValue"}
	invalidBatchEntryID          = fault{http.StatusBadRequest, modelled + "InvalidBatchEntryId", service + "InvalidBatchEntryId"}
	invalidMessageContents       = fault{http.StatusBadRequest, modelled + "InvalidMessageContents", "InvalidMessageContents"}
	messageNotInflight           = fault{http.StatusBadRequest, modelled + "MessageNotInflight", service + "MessageNotInflight"}
	overLimit                    = fault{http.StatusForbidden, modelled + "OverLimit", "OverLimit"}
	purgeQueueInProgress         = fault{http.StatusForbidden, modelled + "PurgeQueueInProgress", service + "PurgeQueueInProgress"}
	queueDeletedRecently         = fault{http.StatusBadRequest, modelled + "QueueDeletedRecently", service + "QueueDeletedRecently"}
	queueDoesNotExist            = fault{http.StatusBadRequest, modelled + "QueueDoesNotExist", service + "NonExistentQueue"}
	queueNameExists              = fault{http.StatusBadRequest, modelled + "QueueNameExists", "QueueAlreadyExists"}
	receiptHandleIsInvalid       = fault{http.StatusNotFound, modelled + "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"}
	tooManyEntriesInBatchRequest = fault{http.StatusBadRequest, modelled + "TooManyEntriesInBatchRequest", service + "TooManyEntriesInBatchRequest"}
	unsupportedOperation         = fault{http.StatusBadRequest, modelled + "UnsupportedOperation", service + "UnsupportedOperation"}
)

// The faults that SQS shares with other services,
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html.
var (
	internalFailure            = fault{http.StatusInternalServerError, common + "InternalFailure", "InternalFailure"}
	invalidAction              = fault{http.StatusBadRequest, common + "UnknownOperationException", "InvalidAction"}
	invalidParameterValue      = fault{http.StatusBadRequest, common + "InvalidParameterValueException", "InvalidParameterValue"}
	missingAuthenticationToken = fault{http.StatusForbidden, common + "MissingAuthenticationTokenException", "MissingAuthenticationToken"}
	missingParameter           = fault{http.StatusBadRequest, common + "MissingRequiredParameterException", "MissingParameter"}
	requestTooLarge            = fault{http.StatusRequestEntityTooLarge, common + "RequestEntityTooLargeException", "RequestEntityTooLarge"}
	serialization              = fault{http.StatusBadRequest, common + "SerializationException", "MalformedInput"}
)

// because refuses a request, or an entry of a batch, for a reason that tells the caller what to do about it.
func (f fault) because(format string, args ...any) error {
	return &refusal{fault: f, message: fmt.Sprintf(format, args...)}
}

// refusal is the error that a client sees.
type refusal struct {
	fault
	message string
}

func asRefusal(err error) *refusal {
	if refused, ok := errors.AsType[*refusal](err); ok {
		return refused
	}
	return &refusal{fault: internalFailure, message: err.Error()}
}

func (r *refusal) Error() string { return r.code + ": " + r.message }

func (r *refusal) blamesSender() bool { return r.status < http.StatusInternalServerError }

func (r *refusal) queryError() string {
	if r.blamesSender() {
		return r.code + ";Sender"
	}
	return r.code + ";Receiver"
}

func (r *refusal) body() []byte {
	fields := map[string]string{"__type": r.shape, "message": r.message}
	body, _ := json.Marshal(fields, json.Deterministic(true), jsontext.AllowInvalidUTF8(true)) // Strings cannot fail then.
	return body
}
