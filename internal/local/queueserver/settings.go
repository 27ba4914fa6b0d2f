package queueserver

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// settings are the attributes of a queue that can be set,
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html.
type settings struct {
	delaySeconds                  int
	maximumMessageSize            int // Bytes.
	messageRetentionPeriod        int // Seconds.
	receiveMessageWaitTimeSeconds int
	visibilityTimeout             int // Seconds.
	redrive                       redrivePolicy
}

var defaults = settings{
	maximumMessageSize:     maxMessageBytes,
	messageRetentionPeriod: 345_600,
	visibilityTimeout:      30,
}

// integerSetting is a setting that is a whole number from low to high.
type integerSetting struct {
	low, high int
	of        func(*settings) *int
}

var integerSettings = map[string]integerSetting{
	"DelaySeconds":                  {0, maxDelay, func(s *settings) *int { return &s.delaySeconds }},
	"MaximumMessageSize":            {1024, maxMessageBytes, func(s *settings) *int { return &s.maximumMessageSize }},
	"MessageRetentionPeriod":        {60, 1_209_600, func(s *settings) *int { return &s.messageRetentionPeriod }},
	"ReceiveMessageWaitTimeSeconds": {0, maxWait, func(s *settings) *int { return &s.receiveMessageWaitTimeSeconds }},
	"VisibilityTimeout":             {0, maxVisibilityTimeout, func(s *settings) *int { return &s.visibilityTimeout }},
}

// settingsLeftOut are the attributes of standard queues that this server does not have.
var settingsLeftOut = []string{"KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "Policy", "RedriveAllowPolicy", "SqsManagedSseEnabled"}

func (s *settings) set(name, value string) error {
	if name == "RedrivePolicy" {
		return s.redrive.parse(value)
	}
	setting, ok := integerSettings[name]
	switch {
	case slices.Contains(settingsLeftOut, name):
		return unsupportedOperation.because("This local queue server does not have the attribute %s: leave it out.", name)
	case !ok:
		return invalidAttributeName.because("Unknown Attribute %s.", name)
	}
	n, err := strconv.Atoi(value)
	if err != nil || !within(setting.low, n, setting.high) {
		return invalidAttributeValue.because("Invalid value for the parameter %s: give a whole number from %d to %d.", name, setting.low, setting.high)
	}
	*setting.of(s) = n
	return nil
}

// setAll sets attributes in the order of their names, so that of several mistakes always the same is told.
func (s *settings) setAll(attributes map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if err := s.set(name, attributes[name]); err != nil {
			return err
		}
	}
	return nil
}

// redrivePolicy says when messages go to which dead-letter queue; without a target they never do.
type redrivePolicy struct {
	target          string // ARN.
	maxReceiveCount uint64
}

// parse reads the attribute RedrivePolicy; an empty one takes the policy away.
func (p *redrivePolicy) parse(value string) error {
	if value == "" {
		*p = redrivePolicy{}
		return nil
	}
	var in struct {
		DeadLetterTargetArn string         `json:"deadLetterTargetArn"`
		MaxReceiveCount     jsontext.Value `json:"maxReceiveCount"` // A number, or a string with one.
	}
	if err := json.Unmarshal([]byte(value), &in); err != nil {
		return invalidParameterValue.because("Value %s for parameter RedrivePolicy is invalid. Reason: Redrive policy is not a valid JSON map.", value)
	}
	n, err := strconv.ParseUint(strings.Trim(string(in.MaxReceiveCount), `"`), 10, 64)
	switch {
	case in.DeadLetterTargetArn == "":
		return invalidParameterValue.because("Value %s for parameter RedrivePolicy is invalid. "+
			"Reason: Redrive policy does not contain mandatory attribute: deadLetterTargetArn.", value)
	case err != nil, n < 1, n > maxMaxReceiveCount:
		return invalidParameterValue.because("Value %s for parameter RedrivePolicy is invalid. "+
			"Reason: maxReceiveCount must be there and be from 1 to %d.", value, maxMaxReceiveCount)
	}
	*p = redrivePolicy{target: in.DeadLetterTargetArn, maxReceiveCount: n}
	return nil
}

func (p redrivePolicy) String() string {
	return `{"deadLetterTargetArn":"` + p.target + `","maxReceiveCount":` + strconv.FormatUint(p.maxReceiveCount, 10) + `}`
}
