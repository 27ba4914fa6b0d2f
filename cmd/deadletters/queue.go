package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/urfave/cli/v3"

	"chime-offboarding/internal/httpclient"
)

// attemptTimeout is how long one attempt of a call may last: ten letters of 1 MiB have to come through.
const attemptTimeout = time.Minute

// queue is the dead-letter queue.
type queue struct {
	api       *sqs.Client
	url       string
	arn       string
	source    string // URL of the source queue as the stack has it; empty without a stack
	visible   int    // letters that can be received, as the queue counts them
	retention time.Duration

	pace  pace
	now   func() time.Time
	notef func(format string, args ...any)
	held  map[string]string // receipt handles of the letters that are invisible because of this process, by message ID
}

func queueFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "queue-url", Usage: "`URL` of the dead-letter queue"},
		&cli.StringFlag{Name: "stack", Usage: "instead, `NAME` of the CloudFormation stack, whose outputs DeadLetterQueueUrl and SourceQueueUrl are used"},
	}
}

// checkQueueFlags returns what is wrong with the flags that say which queue.
func checkQueueFlags(cmd *cli.Command) error {
	queueURL, stack := cmd.String("queue-url"), cmd.String("stack")
	if (queueURL == "") == (stack == "") {
		return errors.New("which queue? give either -queue-url or -stack")
	}
	if queueURL != "" {
		return checkQueueURL("queue-url", queueURL)
	}
	return nil
}

func checkQueueURL(flag, given string) error {
	u, err := url.Parse(given)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Count(strings.Trim(u.Path, "/"), "/") < 1 {
		return fmt.Errorf("-%s: %q is not the URL of a queue: give one such as https://sqs.us-east-1.amazonaws.com/123456789012/dead-letters", flag, given)
	}
	return nil
}

// open connects to the dead-letter queue and refuses one that would not survive being read.
func (p *program) open(ctx context.Context, cmd *cli.Command) (*queue, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(attemptTimeout)))
	if err != nil {
		return nil, fmt.Errorf("reading the AWS configuration: %w", err)
	}
	cfg.HTTPClient = httpclient.Wrap(cfg.HTTPClient)
	q := &queue{url: cmd.String("queue-url"), pace: p.pace, now: p.now, notef: p.notef}
	if stack := cmd.String("stack"); stack != "" {
		if q.url, q.source, err = stackQueues(ctx, cfg, stack); err != nil {
			return nil, err
		}
	}
	if q.api, err = connect(ctx, cfg, q.url); err != nil {
		return nil, err
	}
	attributes, err := q.attributes(ctx, q.url)
	if err != nil {
		return nil, err
	}
	q.arn = attributes["QueueArn"]
	q.visible, _ = strconv.Atoi(attributes["ApproximateNumberOfMessages"])
	retention, _ := strconv.Atoi(attributes["MessageRetentionPeriod"])
	q.retention = time.Duration(retention) * time.Second
	switch policy := attributes["RedrivePolicy"]; {
	case strings.HasSuffix(q.arn, ".fifo"):
		return nil, fmt.Errorf("%s is a FIFO queue, which is no dead-letter queue of this worker", q.url)
	case policy != "":
		return nil, fmt.Errorf("%s has a redrive policy of its own, %s: reading it would move letters to another queue. Is it the source queue? If not, remove the policy", q.url, policy)
	}
	if elsewhere, _ := strconv.Atoi(attributes["ApproximateNumberOfMessagesNotVisible"]); elsewhere > 0 {
		q.notef("About %s in flight: somebody else reads the queue, or did until just now. They are not seen here.", plural(elsewhere, "letter"))
	}
	return q, nil
}

// attributes returns all attributes of a queue.
func (q *queue) attributes(ctx context.Context, queueURL string) (map[string]string, error) {
	out, err := q.api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl:       &queueURL,
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if err != nil {
		return nil, fmt.Errorf("asking for the attributes of %s: %w", queueURL, err)
	}
	return out.Attributes, nil
}

// awsHost finds the region in the names of SQS's endpoints: today's, those of VPCs included, and the old ones, which have no
// region for us-east-1 (https://docs.aws.amazon.com/general/latest/gr/sqs-service.html).
var awsHost = regexp.MustCompile(`^(?:.+\.)?(?:sqs|sqs-fips)\.([a-z0-9-]+)\.(?:vpce\.)?(?:amazonaws\.com|amazonaws\.com\.cn|api\.aws)$|^(?:([a-z0-9-]+)\.)?queue\.amazonaws\.com$`)

// connect returns a client for the queue. The SDK does not look at the host of a queue's URL, but calls the endpoint or region
// that is configured. Here the region is the URL's, or the host is, if it is none of AWS's own or that of a VPC; only
// AWS_ENDPOINT_URL_SQS goes before that.
func connect(ctx context.Context, cfg aws.Config, queueURL string) (*sqs.Client, error) {
	u, err := url.Parse(queueURL)
	if err != nil {
		return nil, fmt.Errorf("reading the queue's URL: %w", err)
	}
	match := awsHost.FindStringSubmatch(u.Hostname())
	if match != nil {
		cfg.Region = cmp.Or(match[1], match[2], "us-east-1")
	}
	api := sqs.NewFromConfig(cfg, func(o *sqs.Options) {
		if o.BaseEndpoint == nil && (match == nil || strings.Contains(u.Host, ".vpce.")) {
			o.BaseEndpoint = aws.String(u.Scheme + "://" + u.Host)
		}
		o.Region, o.Credentials = local(o.BaseEndpoint, o.Region, o.Credentials)
		o.DisableMessageChecksumValidation = true // The SDK's check panics on an entry without an ID; send has one of its own.
	})
	return api, checkCredentials(ctx, api.Options().Region, api.Options().Credentials)
}

// stackQueues returns the URLs of the dead-letter queue and the source queue of a stack.
func stackQueues(ctx context.Context, cfg aws.Config, stack string) (deadLetters, source string, err error) {
	api := cloudformation.NewFromConfig(cfg, func(o *cloudformation.Options) {
		o.Region, o.Credentials = local(o.BaseEndpoint, o.Region, o.Credentials)
	})
	if err := checkCredentials(ctx, api.Options().Region, api.Options().Credentials); err != nil {
		return "", "", err
	}
	out, err := api.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &stack})
	if err != nil {
		return "", "", fmt.Errorf("asking for the outputs of the stack %s in %s: %w", stack, api.Options().Region, err)
	}
	for _, s := range out.Stacks {
		for _, output := range s.Outputs {
			switch aws.ToString(output.OutputKey) {
			case "DeadLetterQueueUrl":
				deadLetters = aws.ToString(output.OutputValue)
			case "SourceQueueUrl":
				source = aws.ToString(output.OutputValue)
			}
		}
	}
	if deadLetters == "" {
		return "", "", fmt.Errorf("the stack %s has no output DeadLetterQueueUrl: give the queue itself with -queue-url", stack)
	}
	return deadLetters, source, nil
}

// local returns the region and the credentials to use: for an endpoint on this machine those of nobody.
func local(endpoint *string, region string, provider aws.CredentialsProvider) (string, aws.CredentialsProvider) {
	u, err := url.Parse(aws.ToString(endpoint))
	if err != nil || u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback() {
		return region, provider
	}
	return cmp.Or(region, "us-east-1"), credentials.NewStaticCredentialsProvider("local", "local", "")
}

func checkCredentials(ctx context.Context, region string, provider aws.CredentialsProvider) error {
	if region == "" {
		return errors.New("no AWS region: set AWS_REGION")
	}
	if _, err := provider.Retrieve(ctx); err != nil {
		return fmt.Errorf("no AWS credentials: set AWS_PROFILE, or sign in with aws sso login: %w", err)
	}
	return nil
}

// findSource returns the URL of the source queue, its ARN and how many bytes a message for it may have: of the flag, else of
// the stack, else of the one queue whose redrive policy names the dead-letter queue.
func (q *queue) findSource(ctx context.Context, given string) (source, arn string, maxSize int, err error) {
	source = cmp.Or(given, q.source)
	if source == "" {
		if source, err = q.onlySource(ctx); err != nil {
			return "", "", 0, err
		}
	}
	if host(source) != host(q.url) {
		return "", "", 0, fmt.Errorf("the source queue %s is at another endpoint than the dead-letter queue %s: they have to be in one region", source, q.url)
	}
	attributes, err := q.attributes(ctx, source)
	if err != nil {
		return "", "", 0, err
	}
	arn = attributes["QueueArn"]
	switch {
	case arn == q.arn:
		return "", "", 0, fmt.Errorf("%s is the dead-letter queue itself: give the source queue with -source-queue-url", source)
	case strings.HasSuffix(arn, ".fifo"):
		return "", "", 0, fmt.Errorf("%s is a FIFO queue: give the worker's source queue with -source-queue-url", source)
	}
	if maxSize, err = strconv.Atoi(attributes["MaximumMessageSize"]); err != nil {
		maxSize = maxBytes
	}
	return source, arn, maxSize, nil
}

// onlySource returns the one queue whose redrive policy names the dead-letter queue.
func (q *queue) onlySource(ctx context.Context) (string, error) {
	var sources []string
	pages := sqs.NewListDeadLetterSourceQueuesPaginator(q.api, &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: &q.url})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", fmt.Errorf("asking which queues have this dead-letter queue: %w: give the source queue with -source-queue-url", err)
		}
		sources = append(sources, page.QueueUrls...)
	}
	if len(sources) != 1 {
		return "", fmt.Errorf("%s have this dead-letter queue (%s): give the one to send to with -source-queue-url", plural(len(sources), "queue"), strings.Join(sources, ", "))
	}
	return sources[0], nil
}

func host(queueURL string) string {
	u, err := url.Parse(queueURL)
	if err != nil {
		return ""
	}
	return u.Host
}
