package main

import (
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const deadLetterQueue = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs-dlq"

// environment holds variables by name.
type environment map[string]string

func (e environment) get(name string) string { return e[name] }

// required returns the least that the worker starts with, and what else is given.
func required(others environment) environment {
	e := environment{"DEAD_LETTER_QUEUE_URL": deadLetterQueue, "ALLOWED_ACCOUNT_IDS": "*"}
	maps.Copy(e, others)
	return e
}

func TestSettings(t *testing.T) {
	for name, test := range map[string]struct {
		environment environment
		change      func(*settings) // of the defaults
	}{
		"the defaults":                      {environment{}, func(*settings) {}},
		"empty ones count as not set":       {environment{"PROTECTED_USER_IDS": "", "MAX_RECEIVE_COUNT": "", "CHIME_CONCURRENCY": "", "DRY_RUN": "", "AWS_LAMBDA_LOG_LEVEL": "", "AWS_SAM_LOCAL": ""}, func(*settings) {}},
		"a queue over http":                 {environment{"DEAD_LETTER_QUEUE_URL": "http://127.0.0.1:9324/000000000000/dlq"}, func(s *settings) { s.deadLetterQueue = mustParse("http://127.0.0.1:9324/000000000000/dlq") }},
		"a queue with .fifo elsewhere":      {environment{"DEAD_LETTER_QUEUE_URL": "https://a.fifo/1.fifo/fifo"}, func(s *settings) { s.deadLetterQueue = mustParse("https://a.fifo/1.fifo/fifo") }},
		"all accounts, with space around":   {environment{"ALLOWED_ACCOUNT_IDS": " * "}, func(*settings) {}},
		"one account":                       {environment{"ALLOWED_ACCOUNT_IDS": "corp"}, func(s *settings) { s.allowedAccounts = []string{"corp"} }},
		"several accounts":                  {environment{"ALLOWED_ACCOUNT_IDS": " corp,\tb-2_C ,, d,"}, func(s *settings) { s.allowedAccounts = []string{"corp", "b-2_C", "d"} }},
		"the longest account ID":            {environment{"ALLOWED_ACCOUNT_IDS": strings.Repeat("a", 128)}, func(s *settings) { s.allowedAccounts = []string{strings.Repeat("a", 128)} }},
		"one protected user":                {environment{"PROTECTED_USER_IDS": "ada"}, func(s *settings) { s.protectedUsers = []string{"ada"} }},
		"several protected users":           {environment{"PROTECTED_USER_IDS": "Ada L., zoë@example.com ,, a*b"}, func(s *settings) { s.protectedUsers = []string{"Ada L.", "zoë@example.com", "a*b"} }},
		"the longest protected user":        {environment{"PROTECTED_USER_IDS": strings.Repeat("ë", 128)}, func(s *settings) { s.protectedUsers = []string{strings.Repeat("ë", 128)} }},
		"the fewest deliveries":             {environment{"MAX_RECEIVE_COUNT": "1"}, func(s *settings) { s.maxReceiveCount = 1 }},
		"the most deliveries":               {environment{"MAX_RECEIVE_COUNT": "1000"}, func(s *settings) { s.maxReceiveCount = 1000 }},
		"the fewest calls at once":          {environment{"CHIME_CONCURRENCY": "1"}, func(s *settings) { s.concurrency = 1 }},
		"the most calls at once":            {environment{"CHIME_CONCURRENCY": "50"}, func(s *settings) { s.concurrency = 50 }},
		"a dry run":                         {environment{"DRY_RUN": "true"}, func(s *settings) { s.dryRun = true }},
		"no dry run":                        {environment{"DRY_RUN": "false"}, func(*settings) {}},
		"INFO":                              {environment{"AWS_LAMBDA_LOG_LEVEL": "INFO"}, func(*settings) {}},
		"info":                              {environment{"AWS_LAMBDA_LOG_LEVEL": "info"}, func(*settings) {}},
		"DEBUG":                             {environment{"AWS_LAMBDA_LOG_LEVEL": "DEBUG"}, func(s *settings) { s.logLevel = slog.LevelDebug }},
		"TRACE":                             {environment{"AWS_LAMBDA_LOG_LEVEL": "TRACE"}, func(s *settings) { s.logLevel = slog.LevelDebug }},
		"endpoints of AWS, but for sam":     {environment{"AWS_ENDPOINT_URL_CHIME": "https://service.chime.aws.amazon.com", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, func(*settings) {}},
		"AWS_SAM_LOCAL that is not true":    {environment{"AWS_SAM_LOCAL": "false"}, func(*settings) {}},
		"sam local with its stand-ins":      {samLocal(environment{}), func(*settings) {}},
		"sam local with false for ignoring": {samLocal(environment{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"}), func(*settings) {}},
	} {
		t.Run(name, func(t *testing.T) {
			want := settings{deadLetterQueue: mustParse(deadLetterQueue), maxReceiveCount: 5, concurrency: 4, logLevel: slog.LevelInfo}
			test.change(&want)
			got, err := readSettings(required(test.environment).get)
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(settings{})); err != nil || diff != "" {
				t.Errorf("error %v (-want +got):\n%s", err, diff)
			}
			// What is nil means all accounts.
			if (got.allowedAccounts == nil) != (want.allowedAccounts == nil) {
				t.Errorf("accounts are %#v, want %#v", got.allowedAccounts, want.allowedAccounts)
			}
		})
	}
}

func TestSettingsThatAreRefused(t *testing.T) {
	for variable, values := range map[string]map[string]string{
		"DEAD_LETTER_QUEUE_URL": {
			"": `is not set: give the URL of the dead-letter queue`,
			"https://sqs.us-east-1.amazonaws.com/1/jobs.fifo":     `is "https://sqs.us-east-1.amazonaws.com/1/jobs.fifo", a FIFO queue: give a standard one, the kind of the source queue`,
			"https://sqs.us-east-1.amazonaws.com/1/jobs.%66ifo":   `a FIFO queue`,
			"https://sqs.us-east-1.amazonaws.com/1/jobs.fifo?a=b": `a FIFO queue`,
			"jobs":                                            `give the URL of the dead-letter queue`,
			"/123456789012/jobs":                              `give the URL`,
			"//sqs.us-east-1.amazonaws.com/1/jobs":            `give the URL`,
			"sqs.us-east-1.amazonaws.com/1/jobs":              `give the URL`,
			"localhost:9324/1/jobs":                           `give the URL`,
			"ftp://sqs.us-east-1.amazonaws.com/1/jobs":        `give the URL`,
			"arn:aws:sqs:us-east-1:123456789012:jobs":         `give the URL`,
			"https:///1/jobs":                                 `give the URL`,
			"https://:443/1/jobs":                             `give the URL`,
			"https://sqs.us-east-1.amazonaws.com":             `give the URL`,
			"https://sqs.us-east-1.amazonaws.com/":            `give the URL`,
			"https://sqs.us-east-1.amazonaws.com/1/jo bs":     `give the URL`,
			" https://sqs.us-east-1.amazonaws.com/1/jobs":     `give the URL`,
			"https://sqs.us-east-1.amazonaws.com/1/jobs\n":    `give the URL`,
			"https://sqs.us-east-1.amazonaws.com:port/1/jobs": `give the URL`,
			"https://sqs.us-east-1.amazonaws.com/1/%zz":       `give the URL`,
			" ": `give the URL`,
		},
		"ALLOWED_ACCOUNT_IDS": {
			"":                       `is not set: name the Chime accounts that may be touched, or * for all`,
			" ":                      `names nobody: name IDs, separated by commas`,
			",":                      `names nobody`,
			" , ,\t":                 `names nobody`,
			"*,corp":                 `has * as one of its IDs: name IDs only`,
			"corp, *":                `has * as one of its IDs`,
			"*,*":                    `has * as one of its IDs`,
			"corp,**":                `has "**", an ID that no request could have: correct it`,
			"corp*":                  `has "corp*", an ID that no request could have`,
			"corp/users":             `has "corp/users", an ID`,
			"..":                     `has "..", an ID`,
			"corp;b":                 `has "corp;b", an ID`,
			"corp b":                 `has "corp b", an ID`,
			"zoë":                    `has "zoë", an ID`,
			strings.Repeat("a", 129): `an ID that no request could have`,
			`["corp"]`:               `has "[\"corp\"]", an ID`,
		},
		"PROTECTED_USER_IDS": {
			" ":                      `names nobody`,
			",,":                     `names nobody`,
			"*":                      `has * as one of its IDs`,
			"ada,*":                  `has * as one of its IDs`,
			"ada\x00":                `has "ada\x00", an ID that no request could have`,
			"ada\nbob":               `has "ada\nbob", an ID`,
			"ada\u0085bob":           `has "ada\u0085bob", an ID`,
			strings.Repeat("ë", 129): `an ID that no request could have`,
		},
		"MAX_RECEIVE_COUNT": {
			"0": `is "0": set it to a whole number from 1 to 1000`, "1001": `is "1001"`, "-1": `is "-1"`, "five": `is "five"`, "5.0": `is "5.0"`, "5 ": `is "5 "`, "0x5": `is "0x5"`, "99999999999999999999": `from 1 to 1000`, " ": `is " "`,
		},
		"CHIME_CONCURRENCY": {
			"0": `is "0": set it to a whole number from 1 to 50`, "51": `is "51"`, "-4": `is "-4"`, "four": `is "four"`, "4.5": `is "4.5"`, "1e1": `is "1e1"`,
		},
		"DRY_RUN": {
			"TRUE": `is "TRUE": set it to true or false`, "True": `is "True"`, "1": `is "1"`, "0": `is "0"`, "yes": `is "yes"`, "no": `is "no"`, " true": `is " true"`, "false ": `is "false "`, "t": `is "t"`,
		},
		"AWS_LAMBDA_LOG_LEVEL": {
			"WARN":  `is WARN, which would drop the audit trail and the metrics: set it to INFO or below`,
			"ERROR": `would drop the audit trail`, "FATAL": `would drop the audit trail`, "warn": `would drop the audit trail`,
			"OFF": `is "OFF": set it to TRACE, DEBUG or INFO`, "WARNING": `is "WARNING"`, "20": `is "20"`,
		},
	} {
		for value, problem := range values {
			_, err := readSettings(required(environment{variable: value}).get)
			checkProblems(t, err, map[string]string{variable: problem})
		}
	}
}

func TestSAMLocalIsKeptFromAWS(t *testing.T) {
	const (
		notSet   = `is not set: under sam local it has to be the URL of a stand-in`
		noURL    = `under sam local it has to be the http or https URL of a stand-in`
		hostOf   = `a host of AWS: under sam local it has to be a stand-in, so that nobody real is suspended`
		accepted = ""
	)
	for value, problem := range map[string]string{
		"http://localhost:8080":                           accepted,
		"http://127.0.0.1:8080":                           accepted,
		"http://[::1]:8080":                               accepted,
		"https://stand-ins":                               accepted,
		"HTTP://Stand-Ins:1/path":                         accepted,
		"http://host.docker.internal:8080":                accepted,
		"http://notamazonaws.com":                         accepted,
		"http://amazonaws.com.example.org":                accepted,
		"http://my-api.aws":                               accepted,
		"http://example.org/amazonaws.com":                accepted,
		"http://amazonaws.com@localhost:8080":             accepted,
		"http://localhost?x=.amazonaws.com":               accepted,
		"":                                                notSet,
		"localhost":                                       noURL,
		"localhost:8080":                                  noURL,
		"127.0.0.1:8080":                                  noURL,
		"//localhost":                                     noURL,
		"ws://localhost":                                  noURL,
		"http://":                                         noURL,
		"http://:8080":                                    noURL,
		" http://localhost":                               noURL,
		"http://local host":                               noURL,
		"http://localhost:http":                           noURL,
		" ":                                               noURL,
		"https://service.chime.aws.amazon.com":            hostOf,
		"https://sqs.us-east-1.amazonaws.com":             hostOf,
		"https://sqs.cn-north-1.amazonaws.com.cn":         hostOf,
		"https://sqs.us-east-1.api.aws":                   hostOf,
		"https://amazonaws.com":                           hostOf,
		"https://amazonaws.com.cn":                        hostOf,
		"https://api.aws":                                 hostOf,
		"https://amazon.com":                              hostOf,
		"http://service.chime.aws.amazon.com:8080/x":      hostOf,
		"HTTPS://SERVICE.CHIME.AWS.AMAZON.COM":            hostOf,
		"https://Sqs.Us-East-1.AmazonAWS.com":             hostOf,
		"https://sqs.us-east-1.amazonaws.com.":            hostOf,
		"https://sqs.us-east-1.amazonaws.com.:443":        hostOf,
		"https://sqs.us-east-1.amazonaws.com..":           hostOf,
		"https://localhost@sqs.amazonaws.com":             hostOf,
		"https://localhost:80@sqs.amazonaws.com":          hostOf,
		"https://vpce-1.sqs.us-east-1.vpce.amazonaws.com": hostOf,

		// What is written in other characters, and what a resolver makes of it.
		"https://sqs.amazonaws。com":         noURL,
		"https://sqs.ａｍａｚｏｎａｗｓ.com":         noURL,
		"https://sqs.amazonaws.com\u3002":   noURL,
		"https://sqs.amazonaw\u017f.com":    noURL,
		"https://sqs.amazonaws%2Ecom":       noURL,
		"https://sqs.amazonaws%E3%80%82com": noURL,
		"https://sqs.amazon\u00adaws.com":   noURL,
		"https://sqs.amazonaws.com%20":      noURL,
		"https://sqs.amazonaws.com\\.local": noURL,
		"https://sqs.amazonaws.com\x00":     noURL,
		"https://sqs.amazonaws.com\t":       noURL,
	} {
		for _, variable := range []string{"AWS_ENDPOINT_URL_CHIME", "AWS_ENDPOINT_URL_SQS"} {
			_, err := readSettings(required(samLocal(environment{variable: value})).get)
			if problem == accepted {
				checkProblems(t, err, nil)
			} else {
				checkProblems(t, err, map[string]string{variable: problem})
			}
		}
	}
	for _, value := range []string{"true", "TRUE", "True", "tRuE"} {
		_, err := readSettings(required(samLocal(environment{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": value})).get)
		checkProblems(t, err, map[string]string{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": `is true, with which sam local would reach the real services: take it out`})
	}
}

// badEnvironment has a problem with every variable.
var badEnvironment = environment{
	"DEAD_LETTER_QUEUE_URL":               "jobs",
	"ALLOWED_ACCOUNT_IDS":                 "corp,*",
	"PROTECTED_USER_IDS":                  ",",
	"MAX_RECEIVE_COUNT":                   "0",
	"CHIME_CONCURRENCY":                   "51",
	"DRY_RUN":                             "perhaps",
	"AWS_LAMBDA_LOG_LEVEL":                "ERROR",
	"AWS_SAM_LOCAL":                       "true",
	"AWS_ENDPOINT_URL_CHIME":              "https://service.chime.aws.amazon.com",
	"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "TRUE",
}

var problemsOfBadEnvironment = map[string]string{
	"DEAD_LETTER_QUEUE_URL":               `give the URL`,
	"ALLOWED_ACCOUNT_IDS":                 `name IDs only`,
	"PROTECTED_USER_IDS":                  `names nobody`,
	"MAX_RECEIVE_COUNT":                   `from 1 to 1000`,
	"CHIME_CONCURRENCY":                   `from 1 to 50`,
	"DRY_RUN":                             `set it to true or false`,
	"AWS_LAMBDA_LOG_LEVEL":                `set it to INFO or below`,
	"AWS_ENDPOINT_URL_CHIME":              `a host of AWS`,
	"AWS_ENDPOINT_URL_SQS":                `is not set`,
	"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": `take it out`,
}

func TestAllProblemsAreReportedTogether(t *testing.T) {
	got, err := readSettings(badEnvironment.get)
	checkProblems(t, err, problemsOfBadEnvironment)
	if got.logLevel != slog.LevelInfo {
		t.Errorf("the log level is %v, which drops what the process has to say", got.logLevel)
	}
	_, err = readSettings(environment{}.get)
	checkProblems(t, err, map[string]string{"DEAD_LETTER_QUEUE_URL": `is not set`, "ALLOWED_ACCOUNT_IDS": `is not set`})
}

func TestTheProcessEndsBeforeItAsksForAnEvent(t *testing.T) {
	runtimeAPI := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the Runtime API was asked: %s %s", r.Method, r.URL)
	}))
	defer runtimeAPI.Close()

	for name, test := range map[string]struct {
		environment environment
		message     string
		problems    map[string]string
	}{
		"bad settings": {badEnvironment, "settings refused", problemsOfBadEnvironment},
		"settings that only the SDK reads": {
			required(environment{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "perhaps"}), "AWS configuration refused",
			map[string]string{"": "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			worker := exec.CommandContext(t.Context(), binary)
			worker.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(runtimeAPI.URL, "http://"), "AWS_REGION=us-east-1", "HOME=" + t.TempDir()}
			for name, value := range test.environment {
				worker.Env = append(worker.Env, name+"="+value)
			}
			var stdout, stderr strings.Builder
			worker.Stdout, worker.Stderr = &stdout, &stderr
			err := worker.Run()
			if failed, ok := errors.AsType[*exec.ExitError](err); !ok || failed.ExitCode() != 1 {
				t.Errorf("got error %v, want exit status 1", err)
			}
			if stderr.Len() > 0 || strings.Count(stdout.String(), "\n") != 1 {
				t.Errorf("standard output is %q and standard error %q, want one line and none", &stdout, &stderr)
			}
			var line struct {
				Timestamp string `json:"timestamp"`
				Level     string `json:"level"`
				Message   string `json:"message"`
				Error     string `json:"error"`
			}
			if err := json.Unmarshal([]byte(stdout.String()), &line); err != nil {
				t.Fatalf("reading %q: %v", &stdout, err)
			}
			if line.Timestamp == "" || line.Level != "ERROR" || line.Message != test.message {
				t.Errorf("the line is %+v, want an ERROR with the message %q", line, test.message)
			}
			if only, ok := test.problems[""]; ok {
				if !strings.Contains(line.Error, only) {
					t.Errorf("the error is %q, want something about %s", line.Error, only)
				}
				return
			}
			checkProblems(t, errors.New(line.Error), test.problems)
		})
	}
}

// samLocal returns what sam local needs, and what is given instead.
func samLocal(others environment) environment {
	e := environment{"AWS_SAM_LOCAL": "true", "AWS_ENDPOINT_URL_CHIME": "http://localhost:8080", "AWS_ENDPOINT_URL_SQS": "http://localhost:9324"}
	maps.Copy(e, others)
	return e
}

// checkProblems compares the lines of an error, each of a variable and what is said of it, in part at least.
func checkProblems(t *testing.T, err error, want map[string]string) {
	t.Helper()
	got := make(map[string]string)
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			variable, problem, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			if _, twice := got[variable]; twice {
				t.Errorf("%s is reported twice: %v", variable, err)
			}
			got[variable] = problem
		}
	}
	contains := cmp.Comparer(func(a, b string) bool {
		return a == b || a != "" && b != "" && (strings.Contains(a, b) || strings.Contains(b, a))
	})
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), contains); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func mustParse(text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil {
		panic(err)
	}
	return u
}
