package main

import (
	"archive/tar"
	"context"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const event = `{"Records": [{"messageId": "m0", "body": "b", "receiptHandle": "made up", "eventSourceARN": "arn:aws:sqs:us-east-1:999999999999:q"}]}`

// files writes files into a folder of their own and returns its path.
func files(t *testing.T, texts map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range texts {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// invoke runs the command, in a folder of its own, and returns what it has printed. Nothing else but the log may be left.
func invoke(ctx context.Context, t *testing.T, args ...string) (string, error) {
	t.Helper()
	folder := t.TempDir()
	log := filepath.Join(folder, "log")
	var out strings.Builder
	err := run(ctx, append([]string{"-log", log}, args...), &out)
	left, globErr := filepath.Glob(filepath.Join(folder, "*"))
	if globErr != nil {
		t.Fatal(globErr)
	}
	if diff := cmp.Diff([]string{log}, left); diff != "" {
		t.Errorf("left behind (-want +got):\n%s", diff)
	}
	return strings.ReplaceAll(out.String(), log, "LOG"), err
}

// unique are the names of a run.
var unique = regexp.MustCompile(`chime-offboarding-[a-z2-7]{8}|/\S+/invoke-[0-9]+`)

// calls returns how the tools were called. Some are called side by side: the order is that of the alphabet.
func (f tools) calls(t *testing.T) []string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	text := unique.ReplaceAllString(f.read(t, "calls"), "RUN")
	text = strings.ReplaceAll(text, " --config-file "+root+"/samconfig.toml --config-env local --parameter-overrides Architecture=x86_64\n", " …\n")
	return slices.Sorted(strings.Lines(text))
}

const introduction = `Chime   a stand-in over the accounts and users of events/local/directory.json; it and the queues are in a container of their own
worker  built by sam build for x86_64, and run by sam local invoke
        its output is in LOG
`

func TestRun(t *testing.T) {
	folder := files(t, map[string]string{"one.json": event, "endings/one.json": `{"calls": 0}`, "two.json": `{}`})
	tools := install(t, allTools, map[string]reply{"docker ps": {Stdout: "c1\nc2\n"}})
	printed, err := invoke(t.Context(), t, "-event", folder)
	if err != nil {
		t.Error(err)
	}
	want := introduction + `
` + folder + `/one.json: 0 calls
  answer {"batchItemFailures": []}
It has ended as ` + folder + `/endings/one.json says.

` + folder + `/two.json: 0 calls
  answer {"batchItemFailures": []}
`
	if diff := cmp.Diff(want, printed); diff != "" {
		t.Errorf("printed (-want +got):\n%s", diff)
	}
	const invocation = "sam local invoke Function --template RUN/build/template.yaml --event RUN/event.json --env-vars RUN/env-vars.json --docker-network RUN …\n"
	calls := []string{
		"docker context inspect --format {{.Endpoints.docker.Host}}\n",
		"docker image inspect public.ecr.aws/lambda/provided:al2023-x86_64\n",
		"docker network create RUN\n",
		"docker network rm RUN\n",
		"docker ps --all --quiet --filter network=RUN\n",
		"docker rm --force c1 c2\n",
		"docker run --interactive --rm --name RUN --network RUN --network-alias standins --volume RUN:/standins:ro " +
			"--entrypoint /standins/samlocal public.ecr.aws/lambda/provided:al2023-x86_64 standins\n",
		"docker version --format {{.Server.Arch}}\n",
		"go build -o RUN/samlocal ./internal/samlocal\n",
		"sam --version\n",
		"sam build Function --build-dir RUN/build …\n",
		invocation,
		invocation,
	}
	if diff := cmp.Diff(calls, tools.calls(t)); diff != "" {
		t.Errorf("calls of tools (-want +got):\n%s", diff)
	}
}

// TestWhatTheFunctionGets looks at what the SAM CLI is given, in the shell of a user who has everything set.
func TestWhatTheFunctionGets(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID":                   "real",
		"AWS_PROFILE":                         "real",
		"AWS_ENDPOINT_URL_CHIME":              "https://service.chime.aws.amazon.com",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
		"AWS_LAMBDA_LOG_LEVEL":                "ERROR",
		"SAM_TEMPLATE_FILE":                   "another.yaml",
		"SAM_CLI_TELEMETRY":                   "1",
		"DOCKER_HOST":                         "unix:///other.sock",
	} {
		t.Setenv(name, value)
	}
	tools := install(t, allTools, nil)
	folder := files(t, map[string]string{"event": event, "settings": `{"Parameters": {"DRY_RUN": "true", "AWS_ENDPOINT_URL_SQS": "https://sqs.us-east-1.amazonaws.com"}}`})
	if _, err := invoke(t.Context(), t, "-event", folder+"/event", "-settings", folder+"/settings"); err != nil {
		t.Error(err)
	}

	var variables map[string]map[string]string
	if err := json.Unmarshal([]byte(tools.read(t, "variables")), &variables); err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]string{"Parameters": {
		"DRY_RUN":                "true",
		"AWS_ENDPOINT_URL_CHIME": "http://standins:8080",
		"AWS_ENDPOINT_URL_SQS":   "http://standins:9324",
		"DEAD_LETTER_QUEUE_URL":  "http://standins:9324/999999999999/suspension-dead-letters",
	}}
	if diff := cmp.Diff(want, variables); diff != "" {
		t.Errorf("variables of the function (-want +got):\n%s", diff)
	}
	if got := tools.read(t, "event"); !strings.Contains(got, `"body":"b"`) || strings.Contains(got, "made up") {
		t.Errorf("the event is %s, want it with a real receipt handle", got)
	}

	environment := unique.ReplaceAllString(tools.read(t, "environment"), "RUN")
	var got []string
	for line := range strings.SplitSeq(environment, "\n") {
		if strings.HasPrefix(line, "AWS_") || strings.HasPrefix(line, "SAM_") || strings.HasPrefix(line, "DOCKER_") {
			got = append(got, line)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{
		"AWS_CONFIG_FILE=/dev/null",
		"AWS_DEFAULT_REGION=us-east-1",
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_SHARED_CREDENTIALS_FILE=/dev/null",
		"DOCKER_CONFIG=RUN",
		"DOCKER_HOST=unix:///engine.sock",
		"SAM_CLI_TELEMETRY=0",
	}, got); diff != "" {
		t.Errorf("environment of the SAM CLI (-want +got):\n%s", diff)
	}
}

func TestImage(t *testing.T) {
	const (
		genuine = "public.ecr.aws/lambda/provided:al2023-arm64"
		mine    = "chime-offboarding/provided:arm64"
	)
	fails := reply{Stderr: "no such host\n", Fail: true}
	stands := "        pulling " + genuine + ", once\n" +
		"        in a stand-in of that image, because it cannot be pulled: docker pull: no such host\n"
	for name, test := range map[string]struct {
		replies       map[string]reply
		image, prints string
		imports       bool
	}{
		"is there":        {nil, genuine, "", false},
		"can be pulled":   {map[string]reply{"docker image inspect " + genuine: fails}, genuine, "        pulling " + genuine + ", once\n", false},
		"has a stand-in":  {map[string]reply{"docker image inspect " + genuine: fails, "docker pull": fails}, mine, stands, false},
		"gets a stand-in": {map[string]reply{"docker image": fails, "docker pull": fails}, mine, stands, true},
	} {
		t.Run(name, func(t *testing.T) {
			replies := map[string]reply{"docker version": {Stdout: "arm64"}}
			maps.Copy(replies, test.replies)
			tools := install(t, allTools, replies)
			printed, err := invoke(t.Context(), t, "-event", files(t, map[string]string{"event.json": event}))
			if err != nil {
				t.Error(err)
			}
			if begin := strings.ReplaceAll(introduction, "x86_64", "arm64") + test.prints + "\n"; !strings.HasPrefix(printed, begin) {
				t.Errorf("printed is\n%s, want it to begin with\n%s", printed, begin)
			}
			calls := tools.read(t, "calls")
			if !strings.Contains(calls, "--entrypoint /standins/samlocal "+test.image+" standins\n") {
				t.Errorf("the stand-ins do not run in %s:\n%s", test.image, calls)
			}
			if strings.Contains(calls, "--invoke-image "+mine) != (test.image == mine) {
				t.Errorf("the function does not run in %s:\n%s", test.image, calls)
			}
			if strings.Contains(calls, "docker import - "+mine+"\n") != test.imports {
				t.Errorf("a stand-in is built, or is not:\n%s", calls)
			}
			if test.imports {
				archive := tar.NewReader(strings.NewReader(tools.read(t, "image")))
				header, err := archive.Next()
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(archive)
				if err != nil || header.Name != "bin/sh" || header.Mode != 0o755 || string(text) != "binary for linux arm64 0" {
					t.Errorf("the image has %s with mode %o and text %q: %v", header.Name, header.Mode, text, err)
				}
			}
		})
	}
}

func TestSilentRegistry(t *testing.T) {
	install(t, allTools, map[string]reply{"docker pull": {Hang: true}})
	if err := pull(t.Context(), "image", time.Millisecond); err == nil || err.Error() != "docker pull: no answer for 1ms" {
		t.Errorf("the error is %v", err)
	}
	silence := time.AfterFunc(time.Hour, func() {})
	if n, err := (stopper{silence}).Write([]byte("Pulling")); n != 7 || err != nil || silence.Stop() {
		t.Errorf("a registry that speaks is taken for silent: %d, %v", n, err)
	}
}

// TestWhatGoesWrong names what went wrong, and leaves nothing behind.
func TestWhatGoesWrong(t *testing.T) {
	says := reply{Stdout: "chatter\n", Stderr: "trouble\n", Fail: true}
	for name, test := range map[string]struct {
		replies map[string]reply
		want    string
	}{
		"no context":          {map[string]reply{"docker context": says}, "docker context: trouble"},
		"no network":          {map[string]reply{"docker network create": says}, "docker network: trouble"},
		"no build":            {map[string]reply{"sam build": says}, "sam build: exit status 1\ntrouble\nchatter\n"},
		"no stand-ins' build": {map[string]reply{"go build": says}, "go build: trouble"},
		"no image": {
			map[string]reply{"docker image": {Fail: true}, "docker pull": {Fail: true}, "docker import": says},
			"docker import: trouble",
		},
		"no stand-ins":         {map[string]reply{"docker run": {Fail: true}}, "event.json: the stand-ins have ended: "},
		"no invocation":        {map[string]reply{"sam local": says}, "event.json: sam local: exit status 1\ntrouble\nchatter\n"},
		"no answer":            {map[string]reply{"sam local": {Stderr: "trouble\n"}}, "event.json: the function has not answered:\ntrouble\n"},
		"a failure":            {map[string]reply{"sam local": {Stdout: `{"errorMessage": "no records", "errorType": "x"}`}}, "event.json: the function has failed: no records"},
		"another ending":       {map[string]reply{"sam local": {Stdout: `{"batchItemFailures": [{"itemIdentifier": "m0"}]}`}}, "1 of 1 event ended otherwise than told"},
		"no end":               {map[string]reply{"docker ps": says}, "docker ps: trouble"},
		"a network that stays": {map[string]reply{"docker network rm": says}, "docker network: trouble"},
	} {
		t.Run(name, func(t *testing.T) {
			tools := install(t, allTools, test.replies)
			folder := files(t, map[string]string{"event.json": event, "endings/event.json": `{"calls": 0}`})
			log := filepath.Join(folder, "log")
			err := run(t.Context(), []string{"-event", folder, "-log", log}, io.Discard)
			if err == nil || !strings.HasPrefix(strings.ReplaceAll(err.Error(), folder+"/", ""), test.want) {
				t.Errorf("the error is\n%v, want it to begin with\n%s", err, test.want)
			}
			calls := tools.read(t, "calls")
			if _, fails := test.replies["docker network create"]; !fails && strings.Contains(calls, "network create") != strings.Contains(calls, "network rm") {
				t.Errorf("the network stays:\n%s", calls)
			}
			if left, err := filepath.Glob(filepath.Join(folder, "invoke-*")); err != nil || len(left) > 0 {
				t.Errorf("left behind is %v (%v)", left, err)
			}
		})
	}
}

func TestAnotherEnding(t *testing.T) {
	install(t, allTools, map[string]reply{"sam local": {Stdout: `{"batchItemFailures": [{"itemIdentifier": "m0"}]}`}})
	folder := files(t, map[string]string{"event.json": event, "endings/event.json": `{"calls": 0, "letters": ["0 NotFound u"]}`})
	printed, err := invoke(t.Context(), t, "-event", folder)
	if err == nil {
		t.Error("that is taken for the same")
	}
	const want = `
┌─────────────┬──────┬─────────────┬────────┐
│ Account     │ User │ Outcome     │ Reason │
├─────────────┼──────┼─────────────┼────────┤
│ (message 0) │      │ handed back │        │
└─────────────┴──────┴─────────────┴────────┘
It has ended otherwise than endings/event.json says (- is missing, + should not be):
  - messages handed back: []
  - dead letter of message 0 NotFound u
  + messages handed back: [0]
`
	if printed = strings.ReplaceAll(printed, folder+"/", ""); !strings.HasSuffix(printed, want) {
		t.Errorf("printed is\n%s, want it to end with\n%s", printed, want)
	}
}

// TestInterrupt interrupts the run while the function works. The SAM CLI has to hear of it, to remove its container.
func TestInterrupt(t *testing.T) {
	tools := install(t, allTools, map[string]reply{"sam local": {Hang: true}})
	hangs := filepath.Join(string(tools), "hangs")
	if err := syscall.Mkfifo(hangs, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		_, _ = os.ReadFile(hangs) // It lasts until somebody writes.
		interrupt()
	}()
	_, err := invoke(ctx, t, "-event", files(t, map[string]string{"event.json": event}))
	if err == nil || err.Error() != "interrupted" {
		t.Errorf("the error is %v", err)
	}
	calls := strings.Join(tools.calls(t), "")
	if !strings.Contains(calls, "sam was interrupted\n") || !strings.Contains(calls, "docker network rm RUN\n") {
		t.Errorf("it is not put in order:\n%s", calls)
	}
}
