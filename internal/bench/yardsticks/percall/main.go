// Command percall is a yardstick of the benchmark: the handler that a tutorial would have, with one call for each message.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/chime"
)

type handler struct {
	chime *chime.Client
	log   *slog.Logger
}

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Error("loading the AWS configuration", "error", err)
		os.Exit(1)
	}
	h := handler{chime: chime.NewFromConfig(cfg), log: log}
	lambda.Start(h.handle)
}

func (h handler) handle(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, message := range event.Records {
		if err := h.suspend(ctx, message); err != nil {
			h.log.Error("message failed", "messageId", message.MessageId, "error", err)
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})
		}
	}
	return response, nil
}

func (h handler) suspend(ctx context.Context, message events.SQSMessage) error {
	var request struct {
		AccountID     string `json:"accountId"`
		UserID        string `json:"userId"`
		CorrelationID string `json:"correlationId"`
	}
	if err := json.Unmarshal([]byte(message.Body), &request); err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	if request.AccountID == "" || request.UserID == "" {
		return errors.New("the request has no accountId or no userId")
	}
	out, err := h.chime.BatchSuspendUser(ctx, &chime.BatchSuspendUserInput{
		AccountId:  &request.AccountID,
		UserIdList: []string{request.UserID},
	})
	if err != nil {
		return fmt.Errorf("suspending the user: %w", err)
	}
	if len(out.UserErrors) > 0 {
		return fmt.Errorf("suspending the user: %s: %s", out.UserErrors[0].ErrorCode, aws.ToString(out.UserErrors[0].ErrorMessage))
	}
	h.log.Info("user suspended", "accountId", request.AccountID, "userId", request.UserID, "messageId", message.MessageId,
		"outcome", "suspended", "correlationId", request.CorrelationID)
	return nil
}
