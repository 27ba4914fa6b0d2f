package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// subject is a function that is measured.
type subject struct {
	name    string
	command []string
	job     job
}

// job is what a subject does with an event.
type job int

const (
	nothing        job = iota // but decode it
	callPerMessage            // and write a line for each user
	callPerBatch              // as above, with the least possible number of calls
)

// calls returns how many calls there have to be for an event.
func (j job) calls(e event) int {
	return [...]int{nothing: 0, callPerMessage: len(e.users), callPerBatch: e.calls}[j]
}

// lines returns how many users need a line.
func (j job) lines(e event) int {
	if j == nothing {
		return 0
	}
	return len(e.users)
}

// session is a process of a subject, with the Runtime API and the stand-in of Chime that it talks to.
type session struct {
	subject
	start time.Duration // until the first request for work
	lines int           // that there have to be

	api            *runtimeAPI
	chime          *chime
	pid            int
	stdout, stderr output
}

var errExited = errors.New("the process has exited")

// converse starts a process on a CPU, has it talked to, ends it, and checks what it has printed.
func converse(ctx context.Context, s subject, cpu int, latency time.Duration, talk func(context.Context, *session) error) (err error) {
	conversation := &session{subject: s, api: newRuntimeAPI(), chime: &chime{latency: latency}}
	apiAddress, closeAPI, err := serve(ctx, conversation.api.handler())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAPI()) }()
	chimeAddress, closeChime, err := serve(ctx, conversation.chime)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeChime()) }()

	process := exec.CommandContext(ctx, s.command[0], s.command[1:]...) //nolint:gosec // It is to be run.
	process.Env = environment(apiAddress, chimeAddress)
	process.Stdout, process.Stderr = &conversation.stdout, &conversation.stderr
	started := time.Now()
	if err := startOn(cpu, process); err != nil {
		return err
	}
	conversation.pid = process.Process.Pid
	ctx, exited := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		_ = process.Wait() // It is killed, in the end.
		exited(errExited)
		close(ended)
	}()
	defer func() {
		_ = process.Process.Kill() // It fails only when the process is gone.
		<-ended
		if suspended := conversation.stdout.suspended; err == nil && suspended != conversation.lines {
			err = conversation.failed(fmt.Errorf("%d users have a line instead of %d", suspended, conversation.lines))
		}
	}()
	asked, err := conversation.api.ready(ctx)
	if err != nil {
		return conversation.failed(err)
	}
	conversation.start = asked.Sub(started)
	return talk(ctx, conversation)
}

// failed says who failed, and what was printed last.
func (s *session) failed(err error) error {
	return fmt.Errorf("%s: %w\n%s%s", s.name, err, s.stdout.tail(), s.stderr.tail())
}

// serve serves on a free port until it is closed.
func serve(ctx context.Context, handler http.Handler) (address string, stop func() error, err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("opening a port: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // It ends when it is closed.
	return listener.Addr().String(), server.Close, nil
}

// environment is what a function of 256 MB has
// (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html), and the worker's settings.
func environment(api, chime string) []string {
	return []string{
		"LANG=en_US.UTF-8",
		"PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"TZ=:UTC",
		"AWS_LAMBDA_RUNTIME_API=" + api,
		"AWS_LAMBDA_FUNCTION_NAME=suspend-users",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_FORMAT=JSON",
		"AWS_REGION=us-east-1",
		"AWS_DEFAULT_REGION=us-east-1",
		"_HANDLER=bootstrap",
		// As long as real ones are.
		"AWS_ACCESS_KEY_ID=ASIAEXAMPLEEXAMPLE00",
		"AWS_SECRET_ACCESS_KEY=" + strings.Repeat("example0", 5),
		"AWS_SESSION_TOKEN=" + strings.Repeat("example0", 100),
		// Nobody's own.
		"AWS_CONFIG_FILE=" + os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
		"AWS_EC2_METADATA_DISABLED=true",

		"DEAD_LETTER_QUEUE_URL=http://127.0.0.1:1/123456789012/suspension-dead-letters",
		"ALLOWED_ACCOUNT_IDS=" + strings.Join(accounts[:], ","),
		"AWS_ENDPOINT_URL_CHIME=http://" + chime,
		"AWS_ENDPOINT_URL_SQS=http://127.0.0.1:1", // Nobody listens there: there are no letters.
	}
}

// took is what an event has taken.
type took struct{ wall, cpu time.Duration }

// invoke has an event done, and sees that it was: the answer, the calls, and, in the end, the lines.
func (s *session) invoke(ctx context.Context, e event) (took, error) {
	before, err := cpuTime(s.pid)
	if err != nil {
		return took{}, s.failed(err)
	}
	answer, wall, err := s.api.invoke(ctx, e.payload)
	if err != nil {
		return took{}, s.failed(err)
	}
	after, err := cpuTime(s.pid)
	if err != nil {
		return took{}, s.failed(err)
	}
	if want := `{"batchItemFailures":[]}`; string(answer) != want {
		return took{}, s.failed(fmt.Errorf("the answer is %s instead of %s", answer, want))
	}
	if err := checkCalls(s.chime.take(), e, s.job.calls(e)); err != nil {
		return took{}, s.failed(err)
	}
	s.lines += s.job.lines(e)
	return took{wall, after - before}, nil
}
