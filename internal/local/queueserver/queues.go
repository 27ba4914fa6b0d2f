package queueserver

import (
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

type createQueueInput struct {
	QueueName  string
	Attributes map[string]string
	Tags       map[string]string `json:"tags"`
}

type queueURLOutput struct {
	QueueURL string `json:"QueueUrl"`
}

// createQueue returns an existing queue if no attribute of the request differs from it.
func (s *Server) createQueue(r *http.Request, in *createQueueInput) (*queueURLOutput, error) {
	name := in.QueueName
	switch {
	case strings.HasSuffix(name, ".fifo"):
		return nil, invalidParameterValue.because("This local queue server has no FIFO queues: create a standard queue, whose name does not end with .fifo.")
	case !nameLike(name, maxQueueName, "-_"):
		return nil, invalidParameterValue.because("Can only include alphanumeric characters, hyphens, or underscores. 1 to %d in length", maxQueueName)
	case len(in.Tags) > 0:
		return nil, unsupportedOperation.because("This local queue server has no tags: leave them out.")
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.now()
	url := &queueURLOutput{s.queueURL(r, name)}
	if existing := s.queues[name]; existing != nil {
		for _, attribute := range slices.Sorted(maps.Keys(in.Attributes)) {
			wanted := existing.settings
			if err := wanted.set(attribute, in.Attributes[attribute]); err != nil {
				return nil, err
			}
			if wanted != existing.settings {
				return nil, queueNameExists.because("A queue already exists with the same name and a different value for attribute %s", attribute)
			}
		}
		return url, nil
	}
	if now < s.released[name] {
		return nil, queueDeletedRecently.because("You must wait %d seconds after deleting a queue before you can create another with the same name.", queueNameRelease)
	}
	s.lastQueue++
	q := newQueue(s.lastQueue, name, s.arn(name), now)
	s.queues[name] = q // Before its settings are read: a queue may be its own dead-letter queue.
	if err := s.configure(q, in.Attributes); err != nil {
		delete(s.queues, name)
		return nil, err
	}
	delete(s.released, name)
	return url, nil
}

// configure changes a queue's settings, or none of them.
func (s *Server) configure(q *queue, attributes map[string]string) error {
	wanted := q.settings
	if err := wanted.setAll(attributes); err != nil {
		return err
	}
	if wanted.redrive != q.redrive && wanted.redrive.target != "" && s.byARN(wanted.redrive.target) == nil {
		return invalidParameterValue.because("Value %s for parameter RedrivePolicy is invalid. "+
			"Reason: Dead letter target does not exist: create it first.", wanted.redrive)
	}
	q.settings = wanted
	return nil
}

// deadLetterQueue returns nil if messages of q go nowhere.
func (s *Server) deadLetterQueue(q *queue) *queue {
	return s.byARN(q.redrive.target)
}

func (s *Server) byARN(arn string) *queue {
	name, ok := strings.CutPrefix(arn, s.arn(""))
	if !ok {
		return nil
	}
	return s.queues[name]
}

type queueInput struct {
	QueueURL string `json:"QueueUrl"`
}

func (s *Server) deleteQueue(_ *http.Request, in *queueInput) (done, error) {
	return done{}, s.with(in.QueueURL, func(q *queue) error {
		delete(s.queues, q.name)
		s.released[q.name] = q.now + seconds(queueNameRelease)
		q.announce() // To receives that wait, so that they learn of it.
		return nil
	})
}

func (s *Server) purgeQueue(_ *http.Request, in *queueInput) (done, error) {
	return done{}, s.with(in.QueueURL, func(q *queue) error {
		if q.now < q.purgeableAt {
			return purgeQueueInProgress.because("Only one PurgeQueue operation on %s is allowed every %d seconds.", q.name, purgeInterval)
		}
		q.clear()
		q.purgeableAt = q.now + seconds(purgeInterval)
		return nil
	})
}

type getQueueURLInput struct {
	QueueName              string
	QueueOwnerAWSAccountID string `json:"QueueOwnerAWSAccountId"`
}

func (s *Server) getQueueURL(r *http.Request, in *getQueueURLInput) (*queueURLOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	foreign := in.QueueOwnerAWSAccountID != "" && in.QueueOwnerAWSAccountID != s.config.AccountID
	if s.queues[in.QueueName] == nil || foreign {
		return nil, queueDoesNotExist.because("The specified queue does not exist.")
	}
	return &queueURLOutput{s.queueURL(r, in.QueueName)}, nil
}

type listQueuesInput struct {
	QueueNamePrefix string
	MaxResults      *int
	NextToken       string
}

type listQueuesOutput struct {
	QueueURLs []string `json:"QueueUrls,omitempty"`
	NextToken string   `json:",omitempty"`
}

// listQueues lists in the order of names; a token is the last name that was listed.
func (s *Server) listQueues(r *http.Request, in *listQueuesInput) (*listQueuesOutput, error) {
	limit := valueOr(in.MaxResults, maxListedQueues)
	if !within(1, limit, maxListedQueues) {
		return nil, invalidParameterValue.because("Value %d for parameter MaxResults is invalid. Reason: Must be between 1 and %d, if provided.",
			limit, maxListedQueues)
	}
	last, err := base64.StdEncoding.DecodeString(in.NextToken)
	if err != nil {
		return nil, invalidParameterValue.because("Invalid or expired next token: list from the start, without one.")
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	out := &listQueuesOutput{}
	for _, name := range slices.Sorted(maps.Keys(s.queues)) {
		if !strings.HasPrefix(name, in.QueueNamePrefix) || name <= string(last) {
			continue
		}
		if len(out.QueueURLs) == limit {
			if in.MaxResults != nil {
				out.NextToken = base64.StdEncoding.EncodeToString(last)
			}
			break
		}
		out.QueueURLs = append(out.QueueURLs, s.queueURL(r, name))
		last = []byte(name)
	}
	return out, nil
}

type getQueueAttributesInput struct {
	QueueURL       string `json:"QueueUrl"`
	AttributeNames []string
}

type getQueueAttributesOutput struct {
	Attributes map[string]string `json:",omitempty"`
}

func (s *Server) getQueueAttributes(_ *http.Request, in *getQueueAttributesInput) (*getQueueAttributesOutput, error) {
	out := &getQueueAttributesOutput{Attributes: map[string]string{}}
	err := s.with(in.QueueURL, func(q *queue) error {
		all := q.attributes(s.clock)
		for _, name := range in.AttributeNames {
			value, ok := all[name]
			switch {
			case name == "All":
				maps.Copy(out.Attributes, all)
			case ok:
				out.Attributes[name] = value
			case name != "RedrivePolicy" && !slices.Contains(settingsLeftOut, name):
				return invalidAttributeName.because("Unknown Attribute %s.", name)
			}
		}
		return nil
	})
	return out, err
}

func (q *queue) attributes(c clock) map[string]string {
	timestamp := func(t time.Duration) string { return strconv.FormatInt(c.date(t).Unix(), 10) }
	all := map[string]string{
		"ApproximateNumberOfMessages":           strconv.Itoa(q.visible.Len()),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(q.hidden.Len() - q.inFlight),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(q.inFlight),
		"CreatedTimestamp":                      timestamp(q.created),
		"LastModifiedTimestamp":                 timestamp(q.modified),
		"QueueArn":                              q.arn,
	}
	for name, setting := range integerSettings {
		all[name] = strconv.Itoa(*setting.of(&q.settings))
	}
	if q.redrive.target != "" {
		all["RedrivePolicy"] = q.redrive.String()
	}
	return all
}

type setQueueAttributesInput struct {
	QueueURL   string `json:"QueueUrl"`
	Attributes map[string]string
}

func (s *Server) setQueueAttributes(_ *http.Request, in *setQueueAttributesInput) (done, error) {
	return done{}, s.with(in.QueueURL, func(q *queue) error {
		if err := s.configure(q, in.Attributes); err != nil {
			return err
		}
		q.modified = q.now
		return nil
	})
}
