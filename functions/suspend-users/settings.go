package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"chime-offboarding/internal/request"
)

// settings are what the environment of the function says.
type settings struct {
	deadLetterQueue *url.URL
	allowedAccounts []string // nil for all
	protectedUsers  []string
	maxReceiveCount int
	concurrency     int
	dryRun          bool
	logLevel        slog.Level
}

// readSettings returns the settings, or every problem with them, each with the name of its variable. A variable that is
// empty counts as not set. The log level is INFO where it could not be read.
func readSettings(getenv func(string) string) (settings, error) {
	var s settings
	var problems []error
	read := func(name string, parse func(value string) error) {
		if err := parse(getenv(name)); err != nil {
			problems = append(problems, fmt.Errorf("%s %w", name, err))
		}
	}
	read("DEAD_LETTER_QUEUE_URL", func(value string) (err error) {
		s.deadLetterQueue, err = queueURL(value)
		return err
	})
	read("ALLOWED_ACCOUNT_IDS", func(value string) (err error) {
		if value == "" {
			return errors.New("is not set: name the Chime accounts that may be touched, or * for all")
		}
		if strings.TrimSpace(value) == "*" {
			return nil
		}
		s.allowedAccounts, err = list(value, request.ValidAccountID)
		return err
	})
	read("PROTECTED_USER_IDS", func(value string) (err error) {
		if value == "" {
			return nil
		}
		s.protectedUsers, err = list(value, request.ValidUserID)
		return err
	})
	read("MAX_RECEIVE_COUNT", func(value string) (err error) {
		s.maxReceiveCount, err = number(value, 5, 1000) // 1,000 is the most that a redrive policy takes.
		return err
	})
	read("CHIME_CONCURRENCY", func(value string) (err error) {
		s.concurrency, err = number(value, 4, 50)
		return err
	})
	read("DRY_RUN", func(value string) error {
		s.dryRun = value == "true"
		if value != "" && value != "true" && value != "false" {
			return fmt.Errorf("is %q: set it to true or false", value)
		}
		return nil
	})
	read("AWS_LAMBDA_LOG_LEVEL", func(value string) (err error) {
		s.logLevel, err = logLevel(value)
		return err
	})
	if strings.EqualFold(getenv("AWS_SAM_LOCAL"), "true") {
		// sam local hands real credentials into the container, and a try-out must never suspend real people.
		read("AWS_ENDPOINT_URL_CHIME", localEndpoint)
		read("AWS_ENDPOINT_URL_SQS", localEndpoint)
		read("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", func(value string) error {
			if strings.EqualFold(value, "true") {
				return errors.New("is true, with which sam local would reach the real services: take it out")
			}
			return nil
		})
	}
	return s, errors.Join(problems...)
}

// queueURL parses the URL of a standard queue.
func queueURL(value string) (*url.URL, error) {
	if value == "" {
		return nil, errors.New("is not set: give the URL of the dead-letter queue")
	}
	u, err := url.Parse(value)
	if err != nil || !absolute(u) || strings.Trim(u.Path, "/") == "" || strings.ContainsAny(value, " \t") {
		return nil, fmt.Errorf("is %q: give the URL of the dead-letter queue, as in https://sqs.us-east-1.amazonaws.com/123456789012/name", value)
	}
	if strings.HasSuffix(strings.TrimRight(u.Path, "/"), ".fifo") {
		return nil, fmt.Errorf("is %q, a FIFO queue: give a standard one, the kind of the source queue", value)
	}
	return u, nil
}

// absolute reports whether a URL is an http or https one with a host. Names that are not ASCII are not let through: they
// would be something else on the wire.
func absolute(u *url.URL) bool {
	ascii := !strings.ContainsFunc(u.Host, func(r rune) bool { return r > unicode.MaxASCII })
	return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && ascii
}

// list returns the IDs of a comma-separated list, which has to name at least one.
func list(value string, valid func(id string) bool) ([]string, error) {
	var ids []string
	for id := range strings.SplitSeq(value, ",") {
		id = strings.TrimSpace(id)
		switch {
		case id == "":
		case id == "*":
			return nil, errors.New("has * as one of its IDs: name IDs only")
		case !valid(id):
			return nil, fmt.Errorf("has %q, an ID that no request could have: correct it", id)
		default:
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("is %q and names nobody: name IDs, separated by commas", value)
	}
	return ids, nil
}

// number returns a whole number from 1 to most.
func number(value string, absent, most int) (int, error) {
	if value == "" {
		return absent, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("is %q: set it to a whole number from 1 to %d", value, most)
	}
	return n, nil
}

// logLevel returns the level that Lambda's application log level stands for
// (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html).
func logLevel(value string) (slog.Level, error) {
	switch strings.ToUpper(value) {
	case "TRACE", "DEBUG":
		return slog.LevelDebug, nil
	case "INFO", "":
		return slog.LevelInfo, nil
	case "WARN", "ERROR", "FATAL":
		return slog.LevelInfo, fmt.Errorf("is %s, which would drop the audit trail and the metrics: set it to INFO or below", value)
	default:
		return slog.LevelInfo, fmt.Errorf("is %q: set it to TRACE, DEBUG or INFO", value)
	}
}

// awsDomains are where AWS's own endpoints are.
var awsDomains = []string{"amazonaws.com", "amazonaws.com.cn", "api.aws", "amazon.com"}

// localEndpoint refuses what is not the URL of a stand-in.
func localEndpoint(value string) error {
	if value == "" {
		return errors.New("is not set: under sam local it has to be the URL of a stand-in")
	}
	u, err := url.Parse(value)
	if err != nil || !absolute(u) {
		return fmt.Errorf("is %q: under sam local it has to be the http or https URL of a stand-in", value)
	}
	host := strings.ToLower(strings.TrimRight(u.Hostname(), "."))
	if slices.ContainsFunc(awsDomains, func(domain string) bool { return host == domain || strings.HasSuffix(host, "."+domain) }) {
		return fmt.Errorf("is %q, a host of AWS: under sam local it has to be a stand-in, so that nobody real is suspended", value)
	}
	return nil
}
