package lambdaserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// worker is the binary of testdata/worker.
var worker string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lambdaserver")
	if err != nil {
		log.Fatal(err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		log.Fatal(err)
	}
	worker = filepath.Join(dir, "bootstrap")
	build := exec.Command("go", "build", "-o", worker, "./testdata/worker")
	if output, err := build.CombinedOutput(); err != nil {
		log.Fatalf("building the worker: %v\n%s", err, output)
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		log.Fatal(err)
	}
	os.Exit(code)
}

// newFunction returns a function that runs the worker in a mode of its own,
// changed as a test needs it.
func newFunction(t *testing.T, mode string, change ...func(*Config)) *Function {
	t.Helper()
	config := Config{
		Binary:       worker,
		Env:          map[string]string{"MODE": mode},
		FunctionName: "suspend-users",
		Region:       "eu-west-1",
		AccountID:    "123456789012",
		Timeout:      time.Minute,
		MemorySize:   256,
		Concurrency:  1,
	}
	for _, c := range change {
		c(&config)
	}
	f := NewFunction(config)
	t.Cleanup(f.Close)
	return f
}

// report is what the worker says of itself and its invocation.
type report struct {
	PID       int
	RequestID string
	ARN       string
	Deadline  time.Time
	Dir       string
	Env       []string
}

func ask(t *testing.T, f *Function) report {
	t.Helper()
	result, err := f.Invoke(t.Context(), []byte(`{"do": "report"}`))
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(result.Payload, &r); err != nil {
		t.Fatal(err)
	}
	if r.RequestID != result.RequestID {
		t.Errorf("the worker saw the request ID %q, the caller %q", r.RequestID, result.RequestID)
	}
	return r
}

func isGone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func TestFailedInvocations(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		event   string
		timeout time.Duration
		want    FunctionError
		sameEnv bool // the process goes on
	}{
		{name: "the function returns an error", event: `{"do": "fail"}`,
			want: FunctionError{"errorString", "out of order"}, sameEnv: true},
		{name: "the event is not what the function expects", event: `[]`,
			want: FunctionError{"UnmarshalTypeError", "json: cannot unmarshal array into Go value of type main.command"}, sameEnv: true},
		{name: "the function panics", event: `{"do": "panic"}`,
			want: FunctionError{"string", "out of luck"}},
		{name: "the process exits", event: `{"do": "exit"}`,
			want: FunctionError{"Runtime.ExitError", "Runtime exited with error: exit status 1"}},
		{name: "the process exits as if all were well", event: `{"do": "leave"}`,
			want: FunctionError{"Runtime.ExitError", "Runtime exited without providing a reason"}},
		{name: "the function takes too long", event: `{"do": "sleep"}`, timeout: time.Second,
			want: FunctionError{"Sandbox.Timedout", "Task timed out after 1.00 seconds"}},
		{name: "the response is too large", event: fmt.Sprintf(`{"do": "grow", "size": %d}`, maxResponse+1),
			want: FunctionError{"Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes)."}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFunction(t, "", func(c *Config) {
				if test.timeout != 0 {
					c.Timeout = test.timeout
				}
			})
			before := ask(t, f).PID

			result, err := f.Invoke(t.Context(), []byte(test.event))
			failure, ok := errors.AsType[*FunctionError](err)
			if !ok || *failure != test.want {
				t.Errorf("got the error %v, want %v", err, &test.want)
			}
			if result.RequestID == "" || result.Payload != nil {
				t.Errorf("got the result %+v, want a request ID and no payload", result)
			}

			after := ask(t, f).PID
			if (before == after) != test.sameEnv {
				t.Errorf("process %d was followed by %d", before, after)
			}
			if isGone(before) == test.sameEnv {
				t.Errorf("process %d: gone is %v", before, isGone(before))
			}
		})
	}
}

func TestLargestResponse(t *testing.T) {
	t.Parallel()
	f := newFunction(t, "")
	result, err := f.Invoke(t.Context(), fmt.Appendf(nil, `{"do": "grow", "size": %d}`, maxResponse))
	if err != nil || len(result.Payload) != maxResponse {
		t.Errorf("got %d bytes and the error %v, want %d bytes", len(result.Payload), err, maxResponse)
	}
}

func TestLargestEvent(t *testing.T) {
	t.Parallel()
	f := newFunction(t, "")
	event := append([]byte(`{"do": "report"}`), bytes.Repeat([]byte{' '}, maxPayload)...)
	if _, err := f.Invoke(t.Context(), event[:maxPayload]); err != nil {
		t.Errorf("an event of the largest size: %v", err)
	}
	if _, err := f.Invoke(t.Context(), event[:maxPayload+1]); err == nil {
		t.Error("an event that is a byte too large was taken")
	}
}

func TestFailedStarts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		mode   string
		want   FunctionError
		stderr string
	}{
		{mode: "exit before the first event", stderr: "DEAD_LETTER_QUEUE_URL is not set\n",
			want: FunctionError{"Runtime.ExitError", "Runtime exited with error: exit status 3"}},
		{mode: "post an init error",
			want: FunctionError{"Config.Invalid", "no such queue"}},
	}
	for _, test := range tests {
		t.Run(test.mode, func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			f := newFunction(t, test.mode, func(c *Config) { c.Stderr = &stderr })
			_, err := f.Invoke(t.Context(), []byte(`{}`))
			failure, ok := errors.AsType[*FunctionError](err)
			if !ok || *failure != test.want {
				t.Errorf("got the error %v, want %v", err, &test.want)
			}
			if stderr.String() != test.stderr {
				t.Errorf("got %q on standard error, want %q", stderr.String(), test.stderr)
			}
		})
	}
}

func TestStartThatTakesTooLong(t *testing.T) {
	t.Parallel()
	f := newFunction(t, "never ask")
	want := timedOut("Init phase", initLimit)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, want)
	defer cancel()
	if _, err := f.startEnvironment(ctx); err != error(want) { //nolint:errorlint // It is that very error.
		t.Errorf("got the error %v, want %v", err, want)
	}
}

func TestMissingBinary(t *testing.T) {
	t.Parallel()
	f := newFunction(t, "", func(c *Config) { c.Binary += "2" })
	_, err := f.Invoke(t.Context(), []byte(`{}`))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got the error %v, want one that says that the file does not exist", err)
	}
	if _, ok := errors.AsType[*FunctionError](err); ok {
		t.Errorf("got a function error, but no function ran: %v", err)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "a real one")
	t.Setenv("AWS_PROFILE", "production")
	f := newFunction(t, "", func(c *Config) {
		c.Env = map[string]string{
			"AWS_ACCESS_KEY_ID":      "local",
			"AWS_REGION":             "us-east-1",
			"AWS_LAMBDA_RUNTIME_API": "192.0.2.1:80",
			"TZ":                     "Europe/Berlin",
		}
	})
	asked := time.Now()
	got := ask(t, f)

	env := make(map[string]string)
	for _, variable := range got.Env {
		name, value, _ := strings.Cut(variable, "=")
		env[name] = value
	}
	for name, prefix := range map[string]string{
		"AWS_LAMBDA_RUNTIME_API":     "127.0.0.1:",
		"AWS_LAMBDA_LOG_STREAM_NAME": asked.UTC().Format("2006/01/02") + "/[$LATEST]",
		"_X_AMZN_TRACE_ID":           "Root=1-",
	} {
		if !strings.HasPrefix(env[name], prefix) {
			t.Errorf("%s is %q, want it to start with %q", name, env[name], prefix)
		}
		delete(env, name)
	}
	want := map[string]string{
		"AWS_ACCESS_KEY_ID":               "local",
		"AWS_CONFIG_FILE":                 "/dev/null",
		"AWS_DEFAULT_REGION":              "eu-west-1",
		"AWS_EC2_METADATA_DISABLED":       "true",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
		"AWS_LAMBDA_FUNCTION_NAME":        "suspend-users",
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/suspend-users",
		"AWS_REGION":                      "eu-west-1",
		"AWS_SHARED_CREDENTIALS_FILE":     "/dev/null",
		"LAMBDA_TASK_ROOT":                filepath.Dir(worker),
		"LANG":                            "en_US.UTF-8",
		"PATH":                            "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"TZ":                              "Europe/Berlin",
		"_HANDLER":                        "bootstrap",
	}
	if diff := cmp.Diff(want, env); diff != "" {
		t.Errorf("the worker's environment differs (-want +got):\n%s", diff)
	}
	if got.Dir != filepath.Dir(worker) {
		t.Errorf("the worker runs in %s, want the folder of its binary", got.Dir)
	}
	if want := "arn:aws:lambda:eu-west-1:123456789012:function:suspend-users"; got.ARN != want {
		t.Errorf("the worker has the ARN %s, want %s", got.ARN, want)
	}
	if left := got.Deadline.Sub(asked); left < 59*time.Second {
		t.Errorf("the worker has %v, want a minute", left)
	}
}

func TestOutput(t *testing.T) {
	t.Parallel()
	const size = 5_000_000
	var stdout, stderr lineRecorder
	f := newFunction(t, "", func(c *Config) { c.Stdout, c.Stderr = &stdout, &stderr })
	if _, err := f.Invoke(t.Context(), fmt.Appendf(nil, `{"do": "print", "size": %d}`, size)); err == nil {
		t.Error("the worker did not exit")
	}
	if diff := cmp.Diff(lineRecorder{strings.Repeat("x", size) + "\n", "and no end of line\n"}, stdout); diff != "" {
		t.Errorf("standard output differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(lineRecorder{"a warning\n"}, stderr); diff != "" {
		t.Errorf("standard error differs (-want +got):\n%s", diff)
	}
}

// lineRecorder keeps what it is given, call by call.
type lineRecorder []string

func (l *lineRecorder) Write(p []byte) (int, error) {
	*l = append(*l, string(p))
	return len(p), nil
}

func TestRuntimeThatIgnoresTheRules(t *testing.T) {
	t.Parallel()
	var stdout lineRecorder
	f := newFunction(t, "ignore the rules", func(c *Config) { c.Stdout = &stdout })
	result, err := f.Invoke(t.Context(), []byte(`{}`))
	if err != nil || string(result.Payload) != `"done"` {
		t.Errorf("got the response %s and the error %v", result.Payload, err)
	}
	want := lineRecorder{
		"POST response 400 InvalidRequestID\n",
		"GET next 403\n",
		"POST response 202 \n",
		"POST response 400 InvalidRequestID\n",
		"POST error 400 InvalidRequestID\n",
	}
	if diff := cmp.Diff(want, stdout); diff != "" {
		t.Errorf("the Runtime API's answers differ (-want +got):\n%s", diff)
	}
}

func TestConcurrency(t *testing.T) {
	t.Parallel()
	sleeping, stdout := io.Pipe()
	f := newFunction(t, "", func(c *Config) { c.Concurrency, c.Stdout = 2, stdout })
	first, second := ask(t, f).PID, ask(t, f).PID
	if first != second {
		t.Errorf("process %d was followed by %d, though it was free", first, second)
	}

	ctx, cancel := context.WithCancel(t.Context())
	failures := make(chan error)
	for range 2 {
		go func() {
			_, err := f.Invoke(ctx, []byte(`{"do": "sleep"}`))
			failures <- err
		}()
	}
	if _, err := io.ReadFull(sleeping, make([]byte, len("sleeping\n")*2)); err != nil {
		t.Fatal(err)
	}

	impatient, giveUp := context.WithCancel(t.Context())
	giveUp()
	if _, err := f.Invoke(impatient, []byte(`{}`)); !errors.Is(err, context.Canceled) {
		t.Errorf("a third invocation ended with %v, want it to wait", err)
	}
	cancel()
	for range 2 {
		if err := <-failures; !errors.Is(err, context.Canceled) {
			t.Errorf("an invocation that was cancelled ended with %v", err)
		}
	}
	if !isGone(first) {
		t.Errorf("process %d outlives its cancelled invocation", first)
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"", "ignore SIGTERM"} {
		t.Run("mode "+mode, func(t *testing.T) {
			t.Parallel()
			f := newFunction(t, mode)
			pid := ask(t, f).PID
			f.Close()
			if !isGone(pid) {
				t.Errorf("process %d outlives the function", pid)
			}
			if _, err := f.Invoke(t.Context(), []byte(`{}`)); !errors.Is(err, ErrClosed) {
				t.Errorf("got the error %v, want %v", err, ErrClosed)
			}
			f.Close()
		})
	}
}

func TestProcessThatDiesWhileIdle(t *testing.T) {
	t.Parallel()
	f := newFunction(t, "")
	pid := ask(t, f).PID
	env := f.idle[0]
	env.kill()
	if next := ask(t, f).PID; next == pid {
		t.Errorf("process %d answers after its death", pid)
	}
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	ids := make(map[string]bool)
	for range 100 {
		ids[newRequestID()] = true
	}
	if len(ids) != 100 {
		t.Errorf("got %d different IDs of 100", len(ids))
	}
	for _, id := range slices.Collect(maps.Keys(ids)) {
		if len(id) != 36 || id[14] != '4' || !strings.ContainsRune("89ab", rune(id[19])) {
			t.Errorf("%q is no random UUID", id)
		}
	}
}
