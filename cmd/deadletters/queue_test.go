package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

func TestEndpointsAndRegionsOfQueues(t *testing.T) {
	const aCountry, mine, nobodys = "eu-central-1", "mine", "local"
	for _, test := range []struct{ url, endpoint, region, credentials string }{
		{"https://sqs.us-west-2.amazonaws.com/123456789012/q", "", "us-west-2", mine},
		{"http://sqs.us-west-2.amazonaws.com/123456789012/q", "", "us-west-2", mine},
		{"https://sqs-fips.us-gov-west-1.amazonaws.com/123456789012/q", "", "us-gov-west-1", mine},
		{"https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q", "", "cn-north-1", mine},
		{"https://sqs.eu-west-1.api.aws/123456789012/q", "", "eu-west-1", mine},
		{"https://vpce-1a2b-3c4d.sqs.us-east-1.vpce.amazonaws.com/123456789012/q", "https://vpce-1a2b-3c4d.sqs.us-east-1.vpce.amazonaws.com", "us-east-1", mine},
		{"https://eu-west-2.queue.amazonaws.com/123456789012/q", "", "eu-west-2", mine},
		{"https://queue.amazonaws.com/123456789012/q", "", "us-east-1", mine},
		{"https://sqs.us-west-2.amazonaws.com.example.com/123456789012/q", "https://sqs.us-west-2.amazonaws.com.example.com", aCountry, mine},
		{"http://elasticmq.example.com:9324/000000000000/q", "http://elasticmq.example.com:9324", aCountry, mine},
		{"http://127.0.0.1:9911/123456789012/q", "http://127.0.0.1:9911", aCountry, nobodys},
		{"http://localhost:9911/123456789012/q", "http://localhost:9911", aCountry, nobodys},
		{"http://[::1]:9911/123456789012/q", "http://[::1]:9911", aCountry, nobodys},
	} {
		cfg := aws.Config{Region: aCountry, Credentials: credentials.NewStaticCredentialsProvider(mine, mine, "")}
		api, err := connect(t.Context(), cfg, test.url)
		must(t, err)
		used, err := api.Options().Credentials.Retrieve(t.Context())
		must(t, err)
		endpoint, region := aws.ToString(api.Options().BaseEndpoint), api.Options().Region
		if endpoint != test.endpoint || region != test.region || used.AccessKeyID != test.credentials {
			t.Errorf("%s is called at %q in %s with the credentials %s; want %q in %s with %s", test.url, endpoint, region, used.AccessKeyID, test.endpoint, test.region, test.credentials)
		}
	}
}

func TestTheQueueFlags(t *testing.T) {
	s := newStage(t)
	const which = "which queue? give either -queue-url or -stack"
	for args, want := range map[string]string{
		"":                                   which,
		"-queue-url=":                        which,
		"-stack=":                            which,
		"-queue-url=http://a/1/q -stack=s":   which,
		"-queue-url=q":                       `-queue-url: "q" is not the URL of a queue`,
		"-queue-url=https://example.com":     "is not the URL of a queue",
		"-queue-url=https://example.com/q":   "is not the URL of a queue",
		"-queue-url=sqs://example.com/1/q":   "is not the URL of a queue",
		"-queue-url=https:///1/q":            "is not the URL of a queue",
		"-queue-url=http://[::1/1/q":         "is not the URL of a queue",
		"-queue-url=arn:aws:sqs:us-east-1:q": "is not the URL of a queue",
	} {
		for _, command := range []string{"list", "show", "redrive -all", "discard -all -yes"} {
			code, _, err := s.runRaw(append(strings.Fields(command), strings.Fields(args)...)...)
			if code != exitUsage || !strings.Contains(err, want) {
				t.Errorf("%s %s: exit code %d and %q, want %d and %q", command, args, code, err, exitUsage, want)
			}
		}
	}
}

func TestQueuesThatWouldNotSurviveBeingRead(t *testing.T) {
	for name, test := range map[string]struct{ attributes, want string }{
		"with a redrive policy": {
			`{"QueueArn": "arn:aws:sqs:us-east-1:123456789012:q", "RedrivePolicy": "{\"maxReceiveCount\":5}"}`,
			`has a redrive policy of its own, {"maxReceiveCount":5}: reading it would move letters to another queue`,
		},
		"of FIFO kind": {`{"QueueArn": "arn:aws:sqs:us-east-1:123456789012:q.fifo"}`, "is a FIFO queue"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.users("Throttled", 1)
			s.intercept = func(c *call) { c.give(`{"Attributes": ` + test.attributes + `}`) }
			for _, command := range []string{"list", "show", "redrive -all -yes", "discard -all -yes"} {
				args := strings.Fields(command)
				code, _, err := s.run(args[0], args[1:]...)
				if code != exitFailed || !strings.Contains(err, test.want) {
					t.Errorf("%s: exit code %d and %q, want %d and %q", command, code, err, exitFailed, test.want)
				}
			}
			if n := len(s.calls); n != s.called("GetQueueAttributes") {
				t.Errorf("the calls were %q, want GetQueueAttributes alone", s.calls)
			}
		})
	}
}

func TestTheQueuesOfAStack(t *testing.T) {
	s := newStage(t)
	bodies := s.users("Throttled", 3)
	output := func(name, value string) string {
		return "<member><OutputKey>" + name + "</OutputKey><OutputValue>" + value + "</OutputValue></member>"
	}
	for name, test := range map[string]struct {
		outputs string
		code    int
		want    string
	}{
		"both":          {output("LogGroupName", "x") + output("DeadLetterQueueUrl", s.deadLetters) + output("SourceQueueUrl", s.source), exitDone, "To send 3 letters to " + s.source},
		"no source":     {output("DeadLetterQueueUrl", s.deadLetters), exitDone, "To send 3 letters to " + s.source},
		"another stack": {output("SourceQueueUrl", s.source), exitFailed, "the stack offboarding has no output DeadLetterQueueUrl: give the queue itself with -queue-url"},
	} {
		t.Run(name, func(t *testing.T) {
			stacks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.FormValue("Action") != "DescribeStacks" || r.FormValue("StackName") != "offboarding" {
					t.Errorf("CloudFormation was asked for %v", r.Form)
				}
				fmt.Fprintf(w, "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>offboarding</StackName><Outputs>%s</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>", test.outputs)
			}))
			defer stacks.Close()
			t.Setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", stacks.URL)
			s.unlisted = name == "both"
			code, out, err := s.runRaw("redrive", "-stack", "offboarding", "-all")
			if code != test.code || !strings.Contains(out+err, test.want) {
				t.Errorf("exit code %d, %s%s; want %d and %q", code, out, err, test.code, test.want)
			}
		})
	}
	s.expect(bodies, nil)
}

func TestAnotherStackIsNotFound(t *testing.T) {
	s := newStage(t)
	stacks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id offboarding does not exist</Message></Error></ErrorResponse>")
	}))
	defer stacks.Close()
	t.Setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", stacks.URL)
	code, _, err := s.runRaw("list", "-stack", "offboarding")
	s.contains(err, "asking for the outputs of the stack offboarding in us-east-1: ", "Stack with id offboarding does not exist")
	if code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
}

func TestWhatIsMissingToCallAWSIsSaid(t *testing.T) {
	s := newStage(t)
	const queue = "https://sqs.us-east-1.amazonaws.com/123456789012/dead-letters"
	for args, want := range map[string]string{
		"-queue-url " + queue:                         "no AWS credentials: set AWS_PROFILE, or sign in with aws sso login: ",
		"-stack offboarding":                          "no AWS region: set AWS_REGION",
		"-queue-url http://elasticmq.example.com/1/q": "no AWS region: set AWS_REGION",
	} {
		code, _, err := s.runRaw(append([]string{"list"}, strings.Fields(args)...)...)
		if code != exitFailed || !strings.Contains(err, want) {
			t.Errorf("%s: exit code %d and %q, want %d and %q", args, code, err, exitFailed, want)
		}
	}
	t.Setenv("AWS_PROFILE", "none-such")
	code, _, err := s.runRaw("list", "-queue-url", queue)
	s.contains(err, "reading the AWS configuration: ", "none-such")
	if code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
}

// TestAnEndpointOfTheEnvironmentIsUsed has a queue whose URL names another host, as a stand-in's may.
func TestAnEndpointOfTheEnvironmentIsUsed(t *testing.T) {
	s := newStage(t)
	s.users("Throttled", 3)
	path := strings.TrimPrefix(s.deadLetters, "http://")
	host, path, _ := strings.Cut(path, "/")
	t.Setenv("AWS_ENDPOINT_URL_SQS", "http://"+host)
	code, out, err := s.runRaw("list", "-queue-url", "http://stand-in.example.com/"+path)
	s.contains(out, "│ All       │         │       3 │")
	if code != exitDone {
		t.Errorf("exit code %d and %s, want %d", code, err, exitDone)
	}
}
