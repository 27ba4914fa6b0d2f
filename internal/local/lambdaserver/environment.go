package lambdaserver

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// shutdownLimit is how long a worker may take to end after SIGTERM. Lambda
// developer guide, lambda-runtime-environment: 2 seconds at most.
const shutdownLimit = 2 * time.Second

// environment is an execution environment: one process of the worker and the
// Runtime API that it talks to. It handles one invocation at a time.
type environment struct {
	config  *Config
	process *exec.Cmd
	stdout  *lineWriter
	stderr  *lineWriter
	api     *http.Server

	asked       chan struct{} // the runtime asks for an event
	initFailed  chan *FunctionError
	invocations chan *invocation
	exited      chan struct{} // closed when the process is gone and its output written
	exitErr     error         // to be read once exited is closed

	mu      sync.Mutex
	current *invocation // the runtime has it and did not answer yet
}

// invocation is an event on its way through an environment.
type invocation struct {
	requestID string
	event     []byte
	deadline  time.Time
	outcome   chan outcome
}

// outcome is what the runtime answered.
type outcome struct {
	response []byte
	err      error
}

func newInvocation(event []byte) *invocation {
	return &invocation{requestID: newRequestID(), event: event, outcome: make(chan outcome, 1)}
}

// startEnvironment starts a process and waits until it asks for an event.
func (f *Function) startEnvironment(ctx context.Context) (*environment, error) {
	binary, err := filepath.Abs(f.config.Binary)
	if err != nil {
		return nil, fmt.Errorf("finding the worker: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the Runtime API: %w", err)
	}
	e := &environment{
		config:      &f.config,
		process:     exec.Command(binary), //nolint:gosec,noctx // It is the caller's worker, and it outlives this call.
		stdout:      &lineWriter{to: f.config.Stdout, mu: &f.output},
		stderr:      &lineWriter{to: f.config.Stderr, mu: &f.output},
		asked:       make(chan struct{}, 1),
		initFailed:  make(chan *FunctionError, 1),
		invocations: make(chan *invocation),
		exited:      make(chan struct{}),
	}
	e.api = &http.Server{Handler: e.runtimeAPI(), ReadHeaderTimeout: initLimit}
	e.process.Dir = filepath.Dir(binary)
	e.process.Env = f.config.environ(binary, listener.Addr().String())
	e.process.Stdout = e.stdout
	e.process.Stderr = e.stderr
	e.process.SysProcAttr = processAttributes()
	e.process.WaitDelay = shutdownLimit

	go func() { _ = e.api.Serve(listener) }() // It ends with the process, which closes it.
	started := make(chan error)
	go e.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("running the worker (build it for this machine first): %w", err)
	}

	select {
	case <-e.asked:
		return e, nil
	case err := <-e.initFailed:
		e.kill()
		return nil, err
	case <-e.exited:
		select {
		case err := <-e.initFailed:
			return nil, err
		default:
			return nil, e.exitError()
		}
	case <-ctx.Done():
		e.kill()
		return nil, context.Cause(ctx)
	}
}

// run starts the process, waits for its end and closes what belongs to it.
// On Linux the process dies with the thread that started it, which is why the
// thread is kept until then.
func (e *environment) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(e.exited)
	defer func() { _ = e.api.Close() }() // Nobody is left to tell.
	if err := e.process.Start(); err != nil {
		started <- err
		return
	}
	if e.config.Started != nil {
		e.config.Started(e.process.Process)
	}
	started <- nil
	e.exitErr = e.process.Wait()
	e.stdout.end()
	e.stderr.end()
}

// invoke hands an event to the process. The invocation is over when the
// runtime asks for the next one: a process that is about to exit is not used
// again. At the deadline the process is killed.
func (e *environment) invoke(ctx context.Context, inv *invocation) ([]byte, error) {
	inv.deadline = time.Now().Add(e.config.Timeout)
	ctx, cancel := context.WithDeadlineCause(ctx, inv.deadline, timedOut("Task", e.config.Timeout))
	defer cancel()

	select {
	case e.invocations <- inv:
	case <-e.exited:
		return nil, e.exitError()
	case <-ctx.Done():
		e.kill()
		return nil, context.Cause(ctx)
	}
	var answer outcome
	select {
	case answer = <-inv.outcome:
	case <-e.exited:
		select {
		case answer = <-inv.outcome:
		default:
			return nil, e.exitError()
		}
	case <-ctx.Done():
		e.kill()
		return nil, context.Cause(ctx)
	}
	select {
	case <-e.asked:
	case <-e.exited:
	case <-ctx.Done():
		e.kill()
	}
	return answer.response, answer.err
}

func (e *environment) hasExited() bool {
	select {
	case <-e.exited:
		return true
	default:
		return false
	}
}

// exitError is Lambda's error for a process that has exited.
func (e *environment) exitError() *FunctionError {
	message := "Runtime exited without providing a reason"
	if e.exitErr != nil {
		message = "Runtime exited with error: " + e.exitErr.Error()
	}
	return &FunctionError{Type: "Runtime.ExitError", Message: message}
}

// stop asks the process to end, and kills it if it does not.
func (e *environment) stop() {
	_ = e.process.Process.Signal(syscall.SIGTERM) // It fails only when the process is gone.
	select {
	case <-e.exited:
	case <-time.After(shutdownLimit):
		e.kill()
	}
}

// kill ends the process and waits until it is gone.
func (e *environment) kill() {
	_ = e.process.Process.Kill() // It fails only when the process is gone.
	<-e.exited
}

// environ is the environment of the process: defaults that a function may
// change, the function's own variables, and the reserved ones. Lambda
// developer guide, configuration-envvars, "Defined runtime environment
// variables".
func (c *Config) environ(binary, api string) []string {
	var stream [16]byte
	_, _ = rand.Read(stream[:]) // It never fails.
	env := []string{
		"LANG=en_US.UTF-8",
		"PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"TZ=:UTC",
		// Where HOME is missing the SDK looks the user's folder up. Real
		// credentials are none of the worker's business.
		"AWS_CONFIG_FILE=" + os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
		"AWS_EC2_METADATA_DISABLED=true",
	}
	for name, value := range c.Env {
		env = append(env, name+"="+value)
	}
	return append(env,
		"AWS_DEFAULT_REGION="+c.Region,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE="+strconv.Itoa(c.MemorySize),
		"AWS_LAMBDA_FUNCTION_NAME="+c.FunctionName,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/"+c.FunctionName,
		"AWS_LAMBDA_LOG_STREAM_NAME="+time.Now().UTC().Format("2006/01/02")+"/[$LATEST]"+hex.EncodeToString(stream[:]),
		"AWS_LAMBDA_RUNTIME_API="+api,
		"AWS_REGION="+c.Region,
		"LAMBDA_TASK_ROOT="+filepath.Dir(binary),
		"_HANDLER="+filepath.Base(binary),
	)
}
