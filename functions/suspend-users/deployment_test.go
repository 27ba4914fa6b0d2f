package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"chime-offboarding/internal/httpclient"
	"chime-offboarding/internal/local/chimeserver"
	"chime-offboarding/internal/local/lambdaserver"
	"chime-offboarding/internal/local/peers"
)

// python runs a program with AWS's services at a URL, and returns what it prints.
func python(t *testing.T, endpoint, stdin string, args ...string) []byte {
	t.Helper()
	command := exec.CommandContext(t.Context(), peers.Python(t), args...)
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "PYTHONUTF8=1", "AWS_ENDPOINT_URL=" + endpoint,
		"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
		"VERSION=arn:aws:lambda:us-east-1:123456789012:function:suspend-users:7",
	}
	command.Stdin = strings.NewReader(stdin)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, &complaint)
	}
	return output
}

// awscli runs the AWS CLI.
func awscli(t *testing.T, endpoint string, args ...string) {
	t.Helper()
	python(t, endpoint, "", append([]string{"-m", "awscli"}, args...)...)
}

// TestDeployment creates the template as a stack in moto, has HR send requests in each way there is, and lets the real worker
// take what arrives in the queue.
func TestDeployment(t *testing.T) {
	peers.SkipUnlessAsked(t, "CONFORMANCE=1")
	moto := peers.Moto(t)
	awscli(t, moto, "sns", "create-topic", "--name", "requests")

	putEvent := func(source, detailType, detail string) []string {
		entries, err := json.Marshal([]map[string]string{{"Source": source, "DetailType": detailType, "Detail": detail}})
		if err != nil {
			t.Fatal(err)
		}
		return []string{"events", "put-events", "--entries", string(entries)}
	}
	const topic = "arn:aws:sns:us-east-1:123456789012:requests"
	for name, test := range map[string]struct {
		parameters map[string]string
		send       []string
		suspended  map[string][]string
		letters    []string
	}{
		"an event": {
			nil,
			putEvent("com.example.hr", "Employee Offboarded", `{"accountId": "acme-enterprise", "userId": "ada-lovelace"}`),
			map[string][]string{"acme-enterprise": {"ada-lovelace"}},
			nil,
		},
		"an event of another source and detail-type": {
			map[string]string{"EventSource": "com.example.people", "EventDetailType": "Left"},
			putEvent("com.example.people", "Left", `{"accountId": "acme-team", "userIds": ["mary-jackson", "nobody"]}`),
			map[string][]string{"acme-team": {"mary-jackson"}},
			[]string{"NotFound"},
		},
		"an event that looks different": {
			map[string]string{"EventSource": "com.example.different", "AccountIdPath": "$.detail.chime.account", "UserIdPath": "$.detail.chime.user"},
			putEvent("com.example.different", "Employee Offboarded", `{"name": "Grace", "chime": {"account": "acme-enterprise", "user": "grace-hopper"}}`),
			map[string][]string{"acme-enterprise": {"grace-hopper"}},
			nil,
		},
		"a notification": {
			map[string]string{"EventSource": "com.example.nobody", "RequestsTopicArn": topic},
			[]string{"sns", "publish", "--topic-arn", topic, "--message", `{"accountId": "acme-enterprise", "userId": "alan-turing"}`},
			map[string][]string{"acme-enterprise": {"alan-turing"}},
			nil,
		},
		"a dry run": {
			map[string]string{"EventSource": "com.example.dry", "DryRun": "true"},
			putEvent("com.example.dry", "Employee Offboarded", `{"accountId": "acme-enterprise", "userId": "tony-hoare"}`),
			map[string][]string{},
			[]string{"DryRun"},
		},
		"a protected user": {
			map[string]string{"EventSource": "com.example.protected", "ProtectedUserIds": "the-ceo, somebody else"},
			putEvent("com.example.protected", "Employee Offboarded", `{"accountId": "acme-enterprise", "userId": "The-CEO"}`),
			map[string][]string{},
			[]string{"ProtectedUser"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parameters := map[string]string{
				"AllowedAccountIds": "acme-enterprise, acme-team",
				"AlarmTopicArn":     "arn:aws:sns:us-east-1:123456789012:on-call",
			}
			maps.Copy(parameters, test.parameters)
			arguments, err := json.Marshal(parameters)
			if err != nil {
				t.Fatal(err)
			}
			var stack struct{ Outputs, Environment map[string]string }
			stackName := strings.ReplaceAll(name, " ", "-")
			decode(t, python(t, moto, "", "testdata/deploy.py", filepath.Join(root, "template.yaml"), stackName, string(arguments)), &stack)
			awscli(t, moto, test.send...)

			suspended, letters := drain(t, moto, stack.Outputs, stack.Environment)
			if diff := cmp.Diff(test.suspended, suspended); diff != "" {
				t.Errorf("who is suspended (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.letters, letters); diff != "" {
				t.Errorf("codes of the letters (-want +got):\n%s", diff)
			}
		})
	}
}

// drain lets the worker, with the environment that a stack gave the function, take the one message of the source queue. It
// returns who is suspended then, and the codes of the dead letters.
func drain(t *testing.T, moto string, outputs, environment map[string]string) (suspended map[string][]string, letters []string) {
	t.Helper()
	directory, err := chimeserver.Load(bytes.NewReader(read(t, "local/directory.json")))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(environment, map[string]string{
		"AWS_ACCESS_KEY_ID":      "local",
		"AWS_SECRET_ACCESS_KEY":  "local",
		"AWS_ENDPOINT_URL_CHIME": serve(t, chimeserver.New(directory)),
		"AWS_ENDPOINT_URL_SQS":   moto,
	})
	function := newFunction(environment, t.Output())
	defer function.Close()
	queues := sqs.New(sqs.Options{
		BaseEndpoint: &moto,
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient:   httpclient.New(0),
	})
	ctx, stop := context.WithTimeout(t.Context(), time.Minute) // In case that the message never arrives.
	defer stop()
	mapping := &lambdaserver.Mapping{
		Client:      queues,
		QueueURL:    outputs["SourceQueueUrl"],
		Invoke:      function.Invoke,
		BatchSize:   1000,
		Concurrency: 1,
		Logger:      slog.New(slog.NewTextHandler(t.Output(), nil)),
		Observe: func(i lambdaserver.Invocation) {
			if i.Messages != 1 || len(i.HandedBack) > 0 || i.Err != nil {
				t.Errorf("the invocation was %+v, want one message that is not handed back", i)
			}
			stop()
		},
	}
	if err := mapping.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if ctx.Err() == context.DeadlineExceeded {
		t.Fatal("no message has arrived in the source queue")
	}
	url := outputs["DeadLetterQueueUrl"]
	received, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, letter := range received.Messages {
		letters = append(letters, *letter.MessageAttributes["ErrorCode"].StringValue)
	}
	return directory.Suspended(), letters
}

// newFunction returns the function with nothing but an environment.
func newFunction(environment map[string]string, output io.Writer) *lambdaserver.Function {
	return lambdaserver.NewFunction(lambdaserver.Config{
		Binary:       binary,
		Env:          environment,
		FunctionName: "suspend-users",
		Region:       "us-east-1",
		AccountID:    "123456789012",
		Timeout:      time.Minute,
		MemorySize:   256,
		Concurrency:  1,
		Stdout:       output,
		Stderr:       output,
	})
}

// TestNewVersionCheck runs the template's check of a new version, with boto3, on versions that start and that do not.
func TestNewVersionCheck(t *testing.T) {
	peers.SkipUnlessAsked(t, "CONFORMANCE=1")
	code := readTemplate(t).property(t, "NewVersionCheck", "InlineCode").(string)
	for name, test := range map[string]struct {
		accounts string
		want     string
	}{
		"a version that starts":         {"acme-enterprise", "Succeeded"},
		"a version that does not start": {"", "Failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			function := newFunction(map[string]string{
				"AWS_ACCESS_KEY_ID":     "local",
				"AWS_SECRET_ACCESS_KEY": "local",
				"DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/dead-letters",
				"ALLOWED_ACCOUNT_IDS":   test.accounts,
			}, t.Output())
			defer function.Close()
			var paths []string
			var status struct{ DeploymentID, LifecycleEventHookExecutionID, Status string }
			endpoint := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				paths = append(paths, r.URL.Path)
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				if r.Header.Get("X-Amz-Target") == "CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus" {
					decode(t, body, &status)
					body = []byte("{}")
				} else {
					result, err := function.Invoke(r.Context(), body)
					if body = result.Payload; err != nil { // As Lambda answers then.
						w.Header().Set("X-Amz-Function-Error", "Unhandled")
						body = []byte(`{"errorMessage": "it has not started"}`)
					}
				}
				_, _ = w.Write(body)
			}))
			python(t, endpoint, code, "testdata/hook.py")
			if status.DeploymentID != "d-1" || status.LifecycleEventHookExecutionID != "e-1" || status.Status != test.want {
				t.Errorf("CodeDeploy is told %+v, want %s", status, test.want)
			}
			version := "/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:suspend-users:7/invocations"
			if !slices.Equal(paths, []string{version, "/"}) {
				t.Errorf("it calls %q, want the version and CodeDeploy", paths)
			}
		})
	}
}

func decode(t *testing.T, text []byte, to any) {
	t.Helper()
	if err := json.Unmarshal(text, to); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}
