// Worker is a function that does as its events and its MODE say, good and bad.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

func main() {
	switch os.Getenv("MODE") {
	case "exit before the first event":
		fmt.Fprint(os.Stderr, "DEAD_LETTER_QUEUE_URL is not set")
		os.Exit(3)
	case "post an init error":
		post("init/error", `{"errorType":"Config.Invalid","errorMessage":"no such queue"}`)
		os.Exit(1)
	case "never ask":
		time.Sleep(time.Hour)
	case "ignore the rules":
		ignoreTheRules()
	case "suspend":
		lambda.Start(suspend)
	case "ignore SIGTERM":
		signal.Ignore(syscall.SIGTERM)
		lambda.Start(handle)
	default:
		lambda.Start(handle)
	}
}

type command struct {
	Do   string `json:"do"`
	Size int    `json:"size"`
}

type answer struct {
	PID       int       `json:"pid"`
	RequestID string    `json:"requestId"`
	ARN       string    `json:"arn"`
	Deadline  time.Time `json:"deadline"`
	Dir       string    `json:"dir"`
	Env       []string  `json:"env"`
}

func handle(ctx context.Context, c command) (any, error) {
	switch c.Do {
	case "sleep":
		fmt.Println("sleeping")
		time.Sleep(time.Hour)
	case "exit":
		os.Exit(1)
	case "leave":
		os.Exit(0)
	case "panic":
		panic("out of luck")
	case "fail":
		return nil, errors.New("out of order")
	case "print":
		fmt.Println(strings.Repeat("x", c.Size))
		fmt.Fprintln(os.Stderr, "a warning")
		fmt.Print("and no end of line")
		os.Exit(0)
	case "grow":
		return strings.Repeat("x", c.Size-2), nil // Without the quotes.
	}
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	dir, err := os.Getwd()
	return answer{os.Getpid(), lc.AwsRequestID, lc.InvokedFunctionArn, deadline, dir, os.Environ()}, err
}

// suspend hands back each message with the body "retry".
func suspend(event events.SQSEvent) (events.SQSEventResponse, error) {
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, record := range event.Records {
		if record.Body == "retry" {
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: record.MessageId})
		}
	}
	return response, nil
}

// ignoreTheRules prints what the Runtime API answers to calls out of order.
func ignoreTheRules() {
	response, err := http.Get(api + "invocation/next")
	if err != nil {
		panic(err)
	}
	id := response.Header.Get("Lambda-Runtime-Aws-Request-Id")
	post("invocation/7a1b/response", "{}")
	response, err = http.Get(api + "invocation/next")
	if err != nil {
		panic(err)
	}
	fmt.Println("GET next", response.StatusCode)
	post("invocation/"+id+"/response", `"done"`)
	post("invocation/"+id+"/response", `"again"`)
	post("invocation/"+id+"/error", "{}")
}

var api = "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/"

func post(path, body string) {
	response, err := http.Post(api+path, "application/json", strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	var text bytes.Buffer
	var reply struct {
		Type string `json:"errorType"`
	}
	if _, err := text.ReadFrom(response.Body); err != nil {
		panic(err)
	}
	if err := json.Unmarshal(text.Bytes(), &reply); err != nil {
		panic(err)
	}
	fmt.Println("POST", path[strings.LastIndex(path, "/")+1:], response.StatusCode, reply.Type)
}
