package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"chime-offboarding/internal/httpclient"
	"chime-offboarding/internal/local/chimeserver"
	"chime-offboarding/internal/local/lambdaserver"
	"chime-offboarding/internal/local/queueserver"
)

const (
	region       = "us-east-1"
	accountID    = "123456789012" // The account of AWS's own examples.
	functionName = "suspend-users"
	sourceName   = "suspension-requests"
	letterName   = "suspension-dead-letters"

	functionTimeout = 20 * time.Second
	// visibility is six times the function's timeout
	// (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html).
	visibility = 6 * functionTimeout

	// queueSpeed is how much faster than the wall's the clock of the built-in queue runs. The longest wait for a
	// redelivery, 900 s, takes 3 s then. The visibility timeout, which is to last as long as ever, must stay below the
	// 12 h that SQS allows.
	queueSpeed = 300

	// In chaos events are killed all the time. They come back soon, and some of them while they are still worked on.
	chaosTimeout     = 2 * time.Second
	chaosVisibility  = 3 * time.Second
	chaosConcurrency = 4

	closeTimeout = 10 * time.Second
)

// stack is what the cloud would provide: the queues, Chime and the function, each at work once start has returned.
type stack struct {
	chime    *chimeserver.Server
	chimeURL string

	queueServer     *queueserver.Server // nil for another service
	queue           *sqs.Client
	queueURL        string // of the service
	source, letters string // URLs of the queues
	speed           int    // of the queue's clock

	function *lambdaserver.Function

	closers []func() error // for close, the last one first
}

// start starts everything, the worker's output going to stdout, with chaos around the worker if there is any. Where it fails
// nothing is left behind.
func start(ctx context.Context, o options, work workload, stdout io.Writer, chaos *chaos) (_ *stack, err error) {
	s := &stack{chime: chimeserver.New(work.directory)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.chimeURL, err = s.serve(s.chime, o.chimePort()); err != nil {
		return nil, err
	}
	timeout, hidden := functionTimeout, visibility
	if chaos != nil {
		timeout, hidden = chaosTimeout, chaosVisibility
	}
	if err = s.startQueues(ctx, o, hidden, work.maxReceiveCount); err != nil {
		return nil, err
	}
	function := lambdaserver.Config{
		Binary:       o.worker,
		FunctionName: functionName,
		Region:       region,
		AccountID:    accountID,
		Timeout:      timeout,
		MemorySize:   128,
		Concurrency:  concurrency,
		Stdout:       stdout,
		Stderr:       stdout,
	}
	chimeURL, queueURL := s.chimeURL, s.queueURL
	if chaos != nil {
		function.Concurrency, function.Started = chaosConcurrency, chaos.started
		if chimeURL, err = s.serve(chaos.around(s.chime, ofChime), 0); err != nil {
			return nil, err
		}
		if queueURL, err = s.serve(chaos.around(s.queueServer, ofQueue), 0); err != nil {
			return nil, err
		}
	}
	s.startFunction(function, work.settings, chimeURL, queueURL)
	return s, nil
}

// close ends everything that was started.
func (s *stack) close() error {
	var errs []error
	for _, closer := range slices.Backward(s.closers) {
		errs = append(errs, closer())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// serve serves HTTP on a port of 127.0.0.1, on a free one if it is 0, and returns the URL.
func (s *stack) serve(handler http.Handler, port int) (string, error) {
	var listen net.ListenConfig
	listener, err := listen.Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return "", fmt.Errorf("port %d of 127.0.0.1 is in use: end what listens there, or choose another with PORT=…, which takes the next one too", port)
	}
	if err != nil {
		return "", fmt.Errorf("listening on 127.0.0.1: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: closeTimeout}
	served := make(chan struct{})
	go func() {
		_ = server.Serve(listener) // It ends with http.ErrServerClosed, and the listener with it.
		close(served)
	}()
	s.closers = append(s.closers, func() error {
		err := server.Close()
		<-served
		return err //nolint:wrapcheck // It has nothing to do with what was served.
	})
	return "http://" + listener.Addr().String(), nil
}

// startQueues makes the two queues, in the built-in service or in another one, where they have names of their own and are
// deleted again.
func (s *stack) startQueues(ctx context.Context, o options, hidden time.Duration, maxReceiveCount int) (err error) {
	s.queueURL, s.speed = o.endpoint, 1
	suffix := "-" + rand.Text()[:8]
	if o.endpoint == "" {
		suffix, s.speed = "", queueSpeed
		s.queueServer = queueserver.New(queueserver.Config{Region: region, AccountID: accountID, Speed: queueSpeed})
		if s.queueURL, err = s.serve(s.queueServer, o.port); err != nil {
			return err
		}
	}
	s.queue = sqs.New(sqs.Options{
		BaseEndpoint: &s.queueURL,
		Region:       region,
		Credentials:  aws.CredentialsProviderFunc(credentials),
		HTTPClient:   httpclient.New(0),
	})

	// The longest retention there is, as in template.yaml: an hour and more of the wall's time.
	if s.letters, err = s.createQueue(ctx, letterName+suffix, map[string]string{"MessageRetentionPeriod": "1209600"}); err != nil {
		return fmt.Errorf("creating the dead-letter queue at %s, where an SQS has to answer: %w", s.queueURL, err)
	}
	attributes, err := s.queue.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl:       &s.letters,
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		return fmt.Errorf("asking for the ARN of the dead-letter queue: %w", err)
	}
	s.source, err = s.createQueue(ctx, sourceName+suffix, map[string]string{
		"VisibilityTimeout": strconv.Itoa(s.seconds(hidden)),
		"RedrivePolicy":     fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"%d"}`, attributes.Attributes["QueueArn"], maxReceiveCount),
	})
	if err != nil {
		return fmt.Errorf("creating the source queue at %s: %w", s.queueURL, err)
	}
	return nil
}

func (s *stack) createQueue(ctx context.Context, name string, attributes map[string]string) (string, error) {
	created, err := s.queue.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		return "", err //nolint:wrapcheck // The caller says which queue.
	}
	s.closers = append(s.closers, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		if _, err := s.queue.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: created.QueueUrl}); err != nil {
			return fmt.Errorf("deleting the queue %s: %w", name, err)
		}
		return nil
	})
	return *created.QueueUrl, nil
}

// seconds returns how many seconds of the queue's clock a time by the wall is.
func (s *stack) seconds(wall time.Duration) int { return int(wall.Seconds()) * s.speed }

// startFunction makes the function, whose processes start with the first events.
func (s *stack) startFunction(function lambdaserver.Config, settings map[string]string, chimeURL, queueURL string) {
	env := map[string]string{
		"AWS_ACCESS_KEY_ID":     "local",
		"AWS_SECRET_ACCESS_KEY": "local",
		"AWS_SAM_LOCAL":         "true", // The worker then refuses every endpoint of AWS itself.
	}
	maps.Copy(env, settings)
	env["DEAD_LETTER_QUEUE_URL"] = s.letters
	env["AWS_ENDPOINT_URL_CHIME"] = chimeURL
	env["AWS_ENDPOINT_URL_SQS"] = queueURL
	function.Env = env
	s.function = lambdaserver.NewFunction(function)
	s.closers = append(s.closers, func() error {
		s.function.Close()
		return nil
	})
}

// credentials are those of nobody.
func credentials(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local", Source: "local run"}, nil
}
