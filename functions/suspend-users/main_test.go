package main

import (
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// binary is the path of the function, built as for Lambda.
var binary string

func TestMain(m *testing.M) {
	os.Exit(withBinary(m))
}

func withBinary(m *testing.M) int {
	folder, err := os.MkdirTemp("", "suspend-users")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	binary = filepath.Join(folder, "bootstrap")
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the function: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// TestSettingsTakeEffect is about what main does with the settings.
func TestSettingsTakeEffect(t *testing.T) {
	for name, test := range map[string]struct {
		settings map[string]string
		file     string
		want     story
	}{
		"a dry run": {
			map[string]string{"DRY_RUN": "true"},
			"one-request.json",
			story{Letters: []string{"0 DryRun ada-lovelace"}},
		},
		"one delivery": {
			map[string]string{"MAX_RECEIVE_COUNT": "1"},
			"forbidden-account.json",
			story{Letters: []string{"0 Forbidden contractor-1", "0 Forbidden contractor-2"}, Calls: 1},
		},
		"another account allowed": {
			map[string]string{"ALLOWED_ACCOUNT_IDS": "acme-team"},
			"one-request.json",
			story{Letters: []string{"0 AccountNotAllowed ada-lovelace"}},
		},
		"another user protected": {
			map[string]string{"PROTECTED_USER_IDS": "ada-lovelace"},
			"one-request.json",
			story{Letters: []string{"0 ProtectedUser ada-lovelace"}},
		},
		"a certificate authority of one's own": {
			map[string]string{"AWS_CA_BUNDLE": certificate(t)},
			"one-request.json",
			stories["one-request.json"],
		},
		"more attempts for the SDK, which the worker does not take": {
			map[string]string{"AWS_MAX_ATTEMPTS": "1", "AWS_RETRY_MODE": "adaptive"},
			"one-request.json",
			stories["one-request.json"],
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, tell(t, read(t, test.file), test.settings, nil), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("the story ends otherwise (-want +got):\n%s", diff)
			}
		})
	}
}

// certificate returns the path of a file with a certificate.
func certificate(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	path := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestConcurrency counts the calls in flight at once, of an event that needs three.
func TestConcurrency(t *testing.T) {
	for _, limit := range []int64{1, 2, 3} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			var inFlight, most atomic.Int64
			tell(t, read(t, "many-accounts.json"), map[string]string{"CHIME_CONCURRENCY": fmt.Sprint(limit)},
				func(http.ResponseWriter, *http.Request) bool {
					now := inFlight.Add(1)
					defer inFlight.Add(-1)
					for before := most.Load(); now > before && !most.CompareAndSwap(before, now); before = most.Load() {
					}
					time.Sleep(200 * time.Millisecond) // Long enough for the others to come.
					return false
				})
			if most.Load() != limit {
				t.Errorf("%d calls were in flight at once, want %d", most.Load(), limit)
			}
		})
	}
}

// TestAttemptsEnd waits out the 10 s that an attempt may last.
func TestAttemptsEnd(t *testing.T) {
	t.Parallel()
	var started []time.Time
	got := tell(t, read(t, "one-request.json"), nil, func(_ http.ResponseWriter, r *http.Request) bool {
		started = append(started, time.Now())
		if len(started) > 1 {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body) // Only then does the server notice that the client gives up.
		<-r.Context().Done()
		return true
	})
	if !slices.Equal(got.Suspended["acme-enterprise"], []string{"ada-lovelace"}) || len(started) != 2 {
		t.Errorf("after %d attempts the story ends as %+v, want the user suspended by the second", len(started), got)
	} else if waited := started[1].Sub(started[0]); waited < attemptTimeout {
		t.Errorf("the second attempt began after %v, before the first could have ended", waited)
	}
}

func TestGiveMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	giveMemory("what is no number")
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("the limit is %d bytes, want it left alone", got)
	}
	giveMemory("256")
	if got, percent := debug.SetMemoryLimit(-1), debug.SetGCPercent(100); got != 192<<20 || percent != 200 {
		t.Errorf("the limit is %d bytes, with %d %%, want 192 MiB and 200 %%", got, percent)
	}
}
