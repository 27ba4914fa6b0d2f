package failure_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/chime"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"chime-offboarding/internal/failure"
)

// seen is all that the package says of an error.
type seen struct {
	Code       string
	Status     int
	Unreadable bool
	Cause      string
}

func look(err error) seen {
	return seen{failure.Code(err), failure.Status(err), failure.Unreadable(err), failure.Cause(err)}
}

func TestAnswersOfChime(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   seen
	}{
		"an exception of the service": {
			answer(404, "NotFoundException", `{"Code": "NotFound", "Message": "no"}`),
			seen{"NotFound", 404, false, "refused by the service"},
		},
		"an exception in the body only": {
			answer(403, "", `{"__type": "com.amazon.coral.service#AccessDeniedException"}`),
			seen{"AccessDenied", 403, false, "refused by the service"},
		},
		"an exception with a URL behind it": {
			answer(400, "ValidationException:http://internal.amazon.com/coral/", `{}`),
			seen{"Validation", 400, false, "refused by the service"},
		},
		"a name that does not end in Exception": {
			answer(503, "SlowDown", `{}`),
			seen{"SlowDown", 503, false, "refused by the service"},
		},
		"a name that is nothing but Exception": {
			answer(500, "Exception", `{}`),
			seen{failure.RequestFailed, 500, false, "refused by the service"},
		},
		"a refusal without a name": {
			answer(501, "", `{"Message": "no"}`),
			seen{failure.RequestFailed, 501, false, "refused by the service"},
		},
		"a refusal without a body": {
			answer(502, "", ``),
			seen{failure.RequestFailed, 502, false, "refused by the service"},
		},
		"a refusal in HTML": {
			answer(403, "", `<html>Forbidden</html>`),
			seen{failure.RequestFailed, 403, true, "unreadable answer"},
		},
		"a success that is not JSON": {
			answer(200, "", `OK`),
			seen{failure.RequestFailed, 200, true, "unreadable answer"},
		},
		"a success cut short": {
			cut(`{"UserErrors": [`),
			seen{failure.RequestFailed, 200, true, "unreadable answer"},
		},
		"no answer": {
			func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			seen{failure.RequestFailed, 0, false, "connection closed by the other side"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.answer)
			defer server.Close()
			err := suspend(t.Context(), server.URL, server.Client(), static)
			if got := look(err); got != test.want {
				t.Errorf("%v\ngot  %+v\nwant %+v", err, got, test.want)
			}
		})
	}
}

func TestCodesAreNamesAndNoText(t *testing.T) {
	long := strings.Repeat("x", 128)
	for code, want := range map[string]bool{
		"azAZ09.-_": true,
		"":          false,
		long:        true,
		long + "x":  false,
		"not found": false,
		"Naïve":     false,
		// The neighbours of a, z, A, Z, 0 and 9.
		"`": false, "{": false, "@": false, "[": false, "/": false, ":": false,
	} {
		if failure.IsCode(code) != want {
			t.Errorf("IsCode(%q) is %t", code, !want)
		}
	}
}

func TestCallsWithoutAnAnswer(t *testing.T) {
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // Only then the server watches for the client to go.
		<-r.Context().Done()
	}))
	defer hanging.Close()
	closed := httptest.NewServer(nil)
	closed.Close()
	noDNS := &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{Resolver: &net.Resolver{
		PreferGo: true,
		Dial:     func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no name server") },
	}}).DialContext}}
	brief, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	over, cancel := context.WithCancel(t.Context())
	cancel()

	for name, test := range map[string]struct {
		ctx    context.Context
		url    string
		client *http.Client
		want   string
	}{
		"a deadline":            {brief, hanging.URL, hanging.Client(), "no answer in time"},
		"a time-out":            {t.Context(), hanging.URL, &http.Client{Timeout: 20 * time.Millisecond}, "no answer in time"},
		"a call given up":       {over, hanging.URL, hanging.Client(), "no answer"},
		"nobody at the port":    {t.Context(), closed.URL, &http.Client{}, "connection refused"},
		"a host without a name": {t.Context(), "http://nowhere.test", noDNS, "host name not found"},
		"no way to get there":   {t.Context(), "gopher://nowhere.test", &http.Client{}, "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			err := suspend(test.ctx, test.url, test.client, static)
			if got, want := look(err), (seen{failure.RequestFailed, 0, false, test.want}); got != want {
				t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
			}
			if failure.NoCredentials(err) {
				t.Errorf("%v: there were credentials", err)
			}
		})
	}
}

func TestCredentialsAreTheFirstToBlame(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("something was sent") }))
	defer server.Close()
	for name, cause := range map[string]error{
		"none":            errors.New("no EC2 IMDS role found"),
		"none in time":    context.DeadlineExceeded,
		"a broken source": io.ErrUnexpectedEOF,
	} {
		t.Run(name, func(t *testing.T) {
			err := suspend(t.Context(), server.URL, server.Client(), aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{}, cause
			}))
			if !failure.NoCredentials(err) || !errors.Is(err, cause) {
				t.Errorf("%v is not for want of credentials because of %v", err, cause)
			}
			if got, want := look(err), (seen{failure.RequestFailed, 0, false, "no credentials"}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestCredentialsAreThoseOfTheProvider(t *testing.T) {
	got, err := failure.Credentials{CredentialsProvider: static}.Retrieve(t.Context())
	if err != nil || got.AccessKeyID != "AKIDEXAMPLE" {
		t.Errorf("got %v and error %v, want the provider's", got.AccessKeyID, err)
	}
}

func TestExceptionsOfSQS(t *testing.T) {
	server := httptest.NewServer(answer(400, "", `{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no"}`))
	defer server.Close()
	client := sqs.New(sqs.Options{Region: "us-east-1", BaseEndpoint: &server.URL, HTTPClient: server.Client(), Credentials: static})
	_, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("jobs")})
	if got, want := look(err), (seen{"QueueDoesNotExist", 400, false, "refused by the service"}); got != want {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
}

var static = credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")

// suspend makes one attempt of a call and returns its error.
func suspend(ctx context.Context, url string, client *http.Client, provider aws.CredentialsProvider) error {
	api := chime.New(chime.Options{
		Region:       "us-east-1",
		BaseEndpoint: &url,
		HTTPClient:   client,
		Credentials:  failure.Credentials{CredentialsProvider: provider},
		Retryer:      aws.NopRetryer{},
	})
	_, err := api.BatchSuspendUser(ctx, &chime.BatchSuspendUserInput{AccountId: aws.String("corp"), UserIdList: []string{"ada"}})
	return err
}

func answer(status int, exception, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if exception != "" {
			w.Header().Set("X-Amzn-ErrorType", exception)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // The client says what is missing.
	}
}

// cut promises more than the body and closes the connection behind it.
func cut(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		answer(http.StatusOK, "", body)(w, r)
	}
}
