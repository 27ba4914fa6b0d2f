package main

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestMistakes is about what a run is started with in vain: it says in one line what to do, and leaves nothing behind.
func TestMistakes(t *testing.T) {
	port := freePort()
	event := func(text string) string { return file(t, "event.json", text) }
	settings := func(text string) string { return file(t, "settings.json", text) }
	directory := func(text string) string { return file(t, "directory.json", text) }
	const unused = "http://127.0.0.1:1"
	noProgram := file(t, "worker", "no program")
	if err := os.Chmod(noProgram, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args  []string
		want  string // as part of the error
		print string // as part of what is printed; nothing is if it is empty
	}{
		"an unknown flag":       {[]string{"-user", "5"}, "flag provided but not defined: -user: see -help", ""},
		"no flag at all":        {[]string{"events"}, `"events" is not a flag: see -help`, ""},
		"no number":             {[]string{"-users", "many"}, `invalid value "many" for flag -users`, ""},
		"too few users":         {[]string{"-users", "-1"}, "-users is -1: choose 1 to 1000000", ""},
		"too many users":        {[]string{"-users", "1000001"}, "-users is 1000001: choose 1 to 1000000", ""},
		"a port below all":      {[]string{"-port", "-1"}, "-port is -1: choose 1 to 65534", ""},
		"a port without a next": {[]string{"-port", "65535"}, "-port is 65535: choose 1 to 65534", ""},
		"chaos that stays up":   {[]string{"-chaos", "1", "-keep"}, "-chaos goes neither with -keep nor with -sqs-endpoint", ""},
		"chaos elsewhere":       {[]string{"-chaos", "1", "-sqs-endpoint", unused}, "-chaos goes neither with -keep nor with -sqs-endpoint", ""},
		"a worker not built":    {[]string{"-worker", "bin/nothing"}, "finding the worker binary: stat bin/nothing: no such file or directory: start with make run, which builds it", ""},
		"a log in no folder":    {[]string{"-log", "nowhere/log"}, "opening the file for the worker's output: open nowhere/log: no such file or directory", ""},
		"a missing event":       {[]string{"-events", "events/nothing.json"}, "finding the events: stat events/nothing.json: no such file or directory", ""},
		"an empty folder":       {[]string{"-events", t.TempDir()}, "put an SQS event there, or name another folder", ""},
		"an event that is no JSON": {[]string{"-events", event("suspend ada")},
			`event.json: it is not an SQS event {"Records": […]}: invalid character 's'`, ""},
		"an event of another service": {[]string{"-events", event(`{"detail-type": "Offboarded"}`)}, `it has no "Records"`, ""},
		"an event of no messages":     {[]string{"-events", event(`{"Records": []}`)}, `it has no "Records"`, ""},
		"an empty body":               {[]string{"-events", event(`{"Records": [{"body": "{}"}, {"body": ""}]}`)}, "record 1 has no body", ""},
		"a receive count of 0": {[]string{"-events", event(`{"Records": [{"body": "{}", "attributes": {"ApproximateReceiveCount": "0"}}]}`)},
			`record 0: ApproximateReceiveCount is "0": make it a number from 1 to 5, the MAX_RECEIVE_COUNT`, ""},
		"a receive count in words": {[]string{"-events", event(`{"Records": [{"body": "{}", "attributes": {"ApproximateReceiveCount": "two"}}]}`)},
			`ApproximateReceiveCount is "two"`, ""},
		"more deliveries than there are": {[]string{"-events", event(`{"Records": [{"body": "{}", "attributes": {"ApproximateReceiveCount": "6"}}]}`)},
			`ApproximateReceiveCount is "6"`, ""},
		"missing settings":              {[]string{"-settings", "events/local/none.json"}, "reading the worker's settings: open events/local/none.json", ""},
		"settings that are no JSON":     {[]string{"-settings", settings("DRY_RUN=true")}, `which has to be {"Parameters": {"NAME": "value", …}}`, ""},
		"settings of one function":      {[]string{"-settings", settings(`{"Function": {"MAX_RECEIVE_COUNT": "5"}}`)}, `it has no "Parameters": put the worker's settings there`, ""},
		"no MAX_RECEIVE_COUNT":          {[]string{"-settings", settings(`{"Parameters": {}}`)}, `MAX_RECEIVE_COUNT is "": make it a number from 1 to 1000`, ""},
		"MAX_RECEIVE_COUNT as a word":   {[]string{"-settings", settings(`{"Parameters": {"MAX_RECEIVE_COUNT": "five"}}`)}, `MAX_RECEIVE_COUNT is "five"`, ""},
		"MAX_RECEIVE_COUNT above all":   {[]string{"-settings", settings(`{"Parameters": {"MAX_RECEIVE_COUNT": "1001"}}`)}, `MAX_RECEIVE_COUNT is "1001"`, ""},
		"a missing directory":           {[]string{"-directory", "events/local/none.json"}, "opening the directory of users: open events/local/none.json", ""},
		"a directory that is no JSON":   {[]string{"-directory", directory("ada")}, "directory.json: reading the directory: ", ""},
		"a directory of no accounts":    {[]string{"-directory", directory("{}")}, "describe at least one account", ""},
		"a directory with another name": {[]string{"-directory", directory(`{"acounts": []}`)}, "unknown name: use one of accounts", ""},
		"an SQS that is not there":      {[]string{"-sqs-endpoint", unused}, "creating the dead-letter queue at " + unused + ", where an SQS has to answer: ", ""},
		"settings that the worker refuses": {[]string{"-settings", settings(`{"Parameters": {"MAX_RECEIVE_COUNT": "5", "DRY_RUN": "perhaps"}}`)},
			"invoking the worker: starting suspend-users: Runtime.ExitError: Runtime exited with error: exit status 1",
			`worker: settings refused: ALLOWED_ACCOUNT_IDS is not set: name the Chime accounts that may be touched, or * for all; DRY_RUN is "perhaps"`},
		"a worker that is no program": {[]string{"-worker", noProgram}, "invoking the worker: starting suspend-users: running the worker (build it for this machine first): ", "one-request.json: 1 message"},
		"a worker that ends at once":  {[]string{"-worker", "/bin/true"}, "invoking the worker: starting suspend-users: Runtime.ExitError: Runtime exited", "one-request.json: 1 message"},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"-port", strconv.Itoa(port), "-events", "events/one-request.json"}, test.args...)
			out, err := local(t, args...)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is %q, want one line with %q", err, test.want)
			}
			if test.print == "" && out != "" || !strings.Contains(out, test.print) {
				t.Errorf("printed is %q, want %q", out, test.print)
			}
			wantNothingLeft(t, port)
		})
	}
}

func TestPortInUse(t *testing.T) {
	for name, offset := range map[string]int{"by the queue's place": 0, "by Chime's place": 1} {
		t.Run(name, func(t *testing.T) {
			port := freePort()
			taken := strconv.Itoa(port + offset)
			listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", taken))
			if err != nil {
				t.Fatal(err)
			}
			out, err := local(t, "-port", strconv.Itoa(port))
			want := "port " + taken + " of 127.0.0.1 is in use: end what listens there, or choose another with PORT=…, which takes the next one too"
			if err == nil || err.Error() != want || out != "" {
				t.Errorf("error %q and output %q, want just %q", err, out, want)
			}
			if err := listener.Close(); err != nil {
				t.Error(err)
			}
			wantNothingLeft(t, port)
		})
	}
}

// wantNothingLeft is for tests that do not run beside others.
func wantNothingLeft(t *testing.T, port int) {
	t.Helper()
	if childRemains() {
		t.Error("a process is left behind")
	}
	if !isFree(port) || !isFree(port+1) {
		t.Error("a listener is left behind")
	}
}

func TestOwnFolder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, text := range map[string]string{
		"one.json":   `{"Records": [{"body": "{\"accountId\": \"own\", \"userIds\": [\"ada\", \"nobody\"]}"}]}`,
		"two.json":   `{"Records": [{"body": "{\"accountId\": \"own\", \"userId\": \"ben\"}", "attributes": {"ApproximateReceiveCount": "2"}}, {"body": "ben"}]}`,
		"README.md":  `Not an event.`,
		"settings":   `{"Parameters": {"ALLOWED_ACCOUNT_IDS": "own", "MAX_RECEIVE_COUNT": "2"}}`,
		"chime-dir":  `{"accounts": [{"accountId": "own", "accountType": "Team", "users": [{"userId": "ada"}, {"userId": "ben", "fault": {"userErrorCode": "Conflict"}}]}]}`,
		"worker.log": `Old.`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log := filepath.Join(folder, "worker.log")
	out, err := local(t, "-events", folder, "-settings", filepath.Join(folder, "settings"), "-directory", filepath.Join(folder, "chime-dir"), "-log", log)
	if err != nil {
		t.Fatalf("%v, after\n%s", err, out)
	}
	wantTable(t, out, map[string]string{
		"(invalid messages)": "1 0 1 InvalidRequest",
		"own":                "3 1 2 Conflict, NotFound",
		"All":                "4 1 3",
	})
	logged, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if audit := string(logged); strings.Count(audit, `"outcome":`) != 3 || strings.Contains(audit, "Old.") {
		t.Errorf("the worker's log has to have a line for each of three users, and has\n%s", audit)
	}
}
