package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/chime"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"chime-offboarding/internal/local/world"
)

// TestStandins lets a function call them for one event after the other, in each of which nothing has happened yet.
func TestStandins(t *testing.T) {
	var s standins
	tasks, toThem := io.Pipe()
	fromThem, results := io.Pipe()
	ended := make(chan error)
	go func() { ended <- s.work(t.Context(), tasks, results) }()
	r := remote{json.NewEncoder(toThem), json.NewDecoder(fromThem)}
	directory, err := os.ReadFile("events/local/directory.json")
	if err != nil {
		t.Fatal(err)
	}

	cfg := aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")}
	at := func(handler http.HandlerFunc) *string {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		return &server.URL
	}
	chimeURL, queueURL := at(s.chime), at(s.queue)
	users := chime.NewFromConfig(cfg, func(o *chime.Options) { o.BaseEndpoint = chimeURL })
	queues := sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.BaseEndpoint = queueURL })

	for _, user := range []string{"ada-lovelace", "grace-hopper"} {
		begun, err := r.do(task{Directory: directory, Event: []byte(event)})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(begun.Event), "made up") {
			t.Errorf("the event has no real receipt handle: %s", begun.Event)
		}
		queue, err := queues.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("q")})
		if err != nil || aws.ToString(queue.QueueUrl) != *queueURL+"/999999999999/q" {
			t.Errorf("the event's queue is %+v: %v", queue, err)
		}
		if _, err := users.BatchSuspendUser(t.Context(), &chime.BatchSuspendUserInput{AccountId: aws.String("acme-enterprise"), UserIdList: []string{user}}); err != nil {
			t.Error(err)
		}
		done, err := r.do(task{Answer: []byte(`{}`)})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(world.Ending{Suspended: map[string][]string{"acme-enterprise": {user}}, Calls: 1}, done.Ending); diff != "" {
			t.Errorf("the ending of %s (-want +got):\n%s", user, diff)
		}
	}

	if _, err := r.do(task{Directory: []byte(`{}`), Event: []byte(event)}); err == nil || !strings.Contains(err.Error(), "/accounts") {
		t.Errorf("the error without accounts is %v", err)
	}
	if _, err := r.do(task{Answer: []byte(`no`)}); err == nil || !strings.Contains(err.Error(), "answer") {
		t.Errorf("the error for what is no answer is %v", err)
	}
	if err := toThem.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("they end with %v", err)
	}
}
