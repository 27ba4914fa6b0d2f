package lambdaserver

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/go-json-experiment/json"
)

// readFailures returns the IDs of the messages that a response hands back, as
// Lambda reads it with ReportBatchItemFailures. An error is a complete
// failure: all messages are handed back. Lambda developer guide,
// services-sqs-errorhandling, "Success and failure conditions".
//
// A response without a list is a success, whatever else it holds: a misspelt
// batchItemFailures deletes every message.
func readFailures(response []byte, messages []types.Message) (map[string]bool, error) {
	failed := make(map[string]bool)
	response = bytes.TrimSpace(response)
	if len(response) == 0 || string(response) == `""` {
		return failed, nil
	}
	var r struct {
		BatchItemFailures []struct {
			ItemIdentifier string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(response, &r); err != nil {
		return nil, fmt.Errorf("reading the function's response: %w", err)
	}
	known := make(map[string]bool, len(messages))
	for _, m := range messages {
		known[aws.ToString(m.MessageId)] = true
	}
	for _, f := range r.BatchItemFailures {
		switch {
		case f.ItemIdentifier == "":
			return nil, errors.New("reading the function's response: a batch item failure has no itemIdentifier; it should have a messageId")
		case !known[f.ItemIdentifier]:
			return nil, fmt.Errorf("reading the function's response: the itemIdentifier %q is no messageId of the event", f.ItemIdentifier)
		}
		failed[f.ItemIdentifier] = true
	}
	return failed, nil
}
