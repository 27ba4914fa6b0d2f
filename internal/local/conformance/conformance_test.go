// Package conformance takes the same steps on the project's own queue, on other stand-ins for Amazon SQS and on SQS itself,
// and has clients that nobody here wrote drive the project's stand-in for Amazon Chime. It is nothing but tests.
//
// Plain go test has the project's own queue only. With CONFORMANCE=1 the others are installed, once, and started. With CONFORMANCE_SQS_QUEUE_PREFIX the steps are also taken on SQS, with the credentials and the region
// of the environment, on queues whose names begin with the prefix and that are deleted again.
package conformance

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"chime-offboarding/internal/httpclient"
	"chime-offboarding/internal/local/peers"
	"chime-offboarding/internal/local/queueserver"
)

const region = "us-east-1"

// peer is something that has queues.
type peer struct {
	name    string
	ask     string // what it takes in the environment to have it; empty if it is always there
	instead func(step) string
	connect func(*testing.T) (*sqs.Client, string) // the string is the prefix of the queues' names

	// settle is how long it may take to tell what has become of it. SQS takes up to a minute to count messages, to purge
	// and to delete a queue.
	settle time.Duration
}

var asDocumented = func(step) string { return "" }

var services = []peer{
	{"own queue", "", asDocumented, own, 0},
	{"ElasticMQ", "CONFORMANCE=1", func(s step) string { return s.elasticMQ }, elasticMQ, 0},
	{"moto", "CONFORMANCE=1", func(s step) string { return s.moto }, moto, 0},
	{"Amazon SQS", "CONFORMANCE_SQS_QUEUE_PREFIX=prefix-", asDocumented, amazon, 90 * time.Second},
}

// TestMain lets more steps run at once than there are processors: most of the time they wait.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func TestQueues(t *testing.T) {
	for _, p := range services {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			peers.SkipUnlessAsked(t, p.ask)
			api, prefix := p.connect(t)
			for _, part := range parts {
				for _, s := range part.steps {
					t.Run(part.title+": "+s.name, func(t *testing.T) {
						t.Parallel()
						q := queue{T: t, api: api, prefix: prefix, settle: p.settle}
						got := s.do(q.another(s.attributes))
						switch want := p.instead(s); {
						case want == "" && got != s.want:
							t.Errorf("got  %q\nwant %q, as %s says", got, s.want, link(s.page))
						case want != "" && got != want:
							t.Errorf("got  %q\nwant %q, which is where %s differed from %s so far: correct its row here, then go test -update",
								got, want, p.name, link(s.page))
						}
					})
				}
			}
		})
	}
}

func own(t *testing.T) (*sqs.Client, string) {
	t.Helper()
	server := httptest.NewServer(queueserver.New(queueserver.Config{Region: region, AccountID: "123456789012"}))
	t.Cleanup(server.Close)
	return client(server.URL), ""
}

func elasticMQ(t *testing.T) (*sqs.Client, string) {
	t.Helper()
	return client(peers.ElasticMQ(t)), ""
}

func moto(t *testing.T) (*sqs.Client, string) {
	t.Helper()
	return client(peers.Moto(t)), ""
}

func amazon(t *testing.T) (*sqs.Client, string) {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.HTTPClient = httpclient.New(0) }), os.Getenv("CONFORMANCE_SQS_QUEUE_PREFIX")
}

// client returns a client of a stand-in, which makes each call once.
func client(endpoint string) *sqs.Client {
	return sqs.New(sqs.Options{
		BaseEndpoint: &endpoint,
		Region:       region,
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		HTTPClient:   httpclient.New(0),
		Retryer:      aws.NopRetryer{},
	})
}

// verdict is for limits: SQS's documentation says what is too much, but not always how that is refused.
func verdict(err error) string {
	fault, ok := errors.AsType[smithy.APIError](err)
	switch {
	case err == nil:
		return "taken"
	case ok && fault.ErrorFault() != smithy.FaultServer:
		return "refused"
	default:
		return "fails: " + err.Error()
	}
}

// name is for errors that the documentation of an action lists: it is the SDK's type for it.
func name(err error) string {
	fault, ok := errors.AsType[smithy.APIError](err)
	switch {
	case err == nil:
		return "taken"
	case ok:
		if generic, ok := errors.AsType[*smithy.GenericAPIError](err); ok {
			return generic.Code
		}
		return fmt.Sprintf("%T", fault)[len("*types."):]
	default:
		return "fails: " + err.Error()
	}
}

// cleanUp is the context of what has to be done although the test is over.
func cleanUp() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Minute)
}
