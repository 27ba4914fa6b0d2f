// Command suspend-users is the AWS Lambda function that suspends Amazon Chime users as the messages of an SQS queue ask for.
// Build it as the bootstrap of a provided.al2023 function.
package main

import (
	"cmp"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"chime-offboarding/internal/awsconfig"
	"chime-offboarding/internal/chime"
	"chime-offboarding/internal/httpclient"
	"chime-offboarding/internal/queue"
	"chime-offboarding/internal/worker"
)

// attemptTimeout is how long one attempt of a call may last.
const attemptTimeout = 10 * time.Second

func main() {
	giveMemory(os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"))
	settings, err := readSettings(os.Getenv)
	log := worker.NewLogger(os.Stdout, settings.logLevel)
	if err != nil {
		exit(log, "settings refused", err)
	}
	cfg, err := awsconfig.Load(attemptTimeout)
	if err != nil {
		exit(log, "AWS configuration refused", err)
	}
	cfg.HTTPClient = httpclient.Wrap(cfg.HTTPClient)
	lambda.Start(worker.New(worker.Config{
		Chime:           chime.NewClient(cfg),
		Queue:           queue.NewClient(cfg, settings.deadLetterQueue),
		AllowedAccounts: settings.allowedAccounts,
		ProtectedUsers:  settings.protectedUsers,
		MaxReceiveCount: settings.maxReceiveCount,
		Concurrency:     settings.concurrency,
		DryRun:          settings.dryRun,
		FunctionName:    cmp.Or(os.Getenv("AWS_LAMBDA_FUNCTION_NAME"), "suspend-users"),
		Output:          os.Stdout,
		Log:             log,
	}))
}

// giveMemory has less of the processor's time go into collecting garbage, as long as three quarters of the function's memory, in
// MB, are enough. Without it an event of 1,000 messages takes a tenth more.
func giveMemory(size string) {
	if mb, err := strconv.ParseInt(size, 10, 64); err == nil {
		debug.SetGCPercent(200)
		debug.SetMemoryLimit(mb << 20 / 4 * 3)
	}
}

// exit ends a process that cannot serve; Lambda reports the invocation as failed, and the queue keeps its messages.
func exit(log *slog.Logger, message string, err error) {
	log.Error(message, "error", err.Error())
	os.Exit(1)
}
