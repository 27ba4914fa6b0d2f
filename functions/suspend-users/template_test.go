package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

const root = "../.."

// template is template.yaml, with its short tags written out: !Ref is a map with Ref, !Sub one with Fn::Sub.
type template struct {
	Parameters map[string]parameter
	Resources  map[string]resource
	Outputs    map[string]any
}

type parameter struct {
	Type, AllowedPattern string
	AllowedValues        []string
	Default              any // nil where a value has to be given
}

type resource struct {
	Type                string
	DeletionPolicy      string
	UpdateReplacePolicy string
	Properties          map[string]any
}

func readTemplate(t *testing.T) template {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	long, err := json.Marshal(written(t, document.Content[0]))
	if err != nil {
		t.Fatal(err)
	}
	var result template
	if err := json.Unmarshal(long, &result); err != nil {
		t.Fatal(err)
	}
	return result
}

// written returns a node's value with its tag written out.
func written(t *testing.T, node *yaml.Node) (value any) {
	t.Helper()
	switch node.Kind {
	case yaml.MappingNode:
		members := map[string]any{}
		for i := 0; i < len(node.Content); i += 2 {
			members[node.Content[i].Value] = written(t, node.Content[i+1])
		}
		value = members
	case yaml.SequenceNode:
		elements := []any{}
		for _, element := range node.Content {
			elements = append(elements, written(t, element))
		}
		value = elements
	default:
		if strings.HasPrefix(node.Tag, "!!") {
			if err := node.Decode(&value); err != nil {
				t.Fatal(err)
			}
		} else {
			value = node.Value
		}
	}
	switch tag, short := strings.CutPrefix(node.Tag, "!"); {
	case !short || strings.HasPrefix(tag, "!"):
		return value
	case tag == "Ref" || tag == "Condition":
		return map[string]any{tag: value}
	default:
		return map[string]any{"Fn::" + tag: value}
	}
}

// property returns what is at a path of names and indices in a resource.
func (tpl template) property(t *testing.T, name string, path ...any) any {
	t.Helper()
	value := any(tpl.Resources[name].Properties)
	for _, step := range path {
		switch step := step.(type) {
		case string:
			value = value.(map[string]any)[step]
		case int:
			value = value.([]any)[step]
		}
	}
	if value == nil {
		t.Fatalf("%s has no %v", name, path)
	}
	return value
}

// number returns a property that is one.
func (tpl template) number(t *testing.T, name string, path ...any) int {
	t.Helper()
	n, ok := tpl.property(t, name, path...).(float64)
	if !ok {
		t.Fatalf("%s has no number at %v", name, path)
	}
	return int(n)
}

// visit calls do with every map in a value, those of the short tags among them.
func visit(value any, do func(map[string]any)) {
	switch value := value.(type) {
	case map[string]any:
		do(value)
		for _, member := range value {
			visit(member, do)
		}
	case []any:
		for _, element := range value {
			visit(element, do)
		}
	}
}

// ofType returns the names of the resources of a type.
func (tpl template) ofType(resourceType string) []string {
	var names []string
	for name, r := range tpl.Resources {
		if r.Type == resourceType {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// TestTemplateHasTheSettings compares the variables of the function with those that the worker reads.
func TestTemplateHasTheSettings(t *testing.T) {
	notSet := map[string]string{
		"AWS_LAMBDA_LOG_LEVEL":                "Lambda sets it from the ApplicationLogLevel",
		"AWS_SAM_LOCAL":                       "sam local sets it",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "it would only undo the endpoints, which nobody sets in the cloud",
	}
	var want []string
	_, _ = readSettings(func(name string) string {
		if notSet[name] == "" {
			want = append(want, name)
		}
		if name == "AWS_SAM_LOCAL" {
			return "true" // More is asked for then.
		}
		return ""
	})
	slices.Sort(want)
	tpl := readTemplate(t)
	variables := tpl.property(t, "Function", "Environment", "Variables").(map[string]any)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(variables))); diff != "" {
		t.Errorf("variables of the function (-worker +template):\n%s", diff)
	}
	settings, err := readSettings(func(name string) string {
		value, _ := variables[name].(string)
		switch reference, _ := variables[name].(map[string]any); {
		case name == "DEAD_LETTER_QUEUE_URL":
			return "https://sqs.us-east-1.amazonaws.com/123456789012/dead-letters"
		case name == "ALLOWED_ACCOUNT_IDS":
			return "acme-enterprise"
		case reference != nil:
			return tpl.Parameters[reference["Ref"].(string)].Default.(string)
		default:
			return value
		}
	})
	if err != nil {
		t.Errorf("the worker would not start: %v", err)
	}
	if most := tpl.number(t, "SourceQueue", "RedrivePolicy", "maxReceiveCount"); most != settings.maxReceiveCount || most < 5 {
		t.Errorf("the source queue gives a message %d deliveries, the worker takes it for %d, want at least 5", most, settings.maxReceiveCount)
	}
	if level := tpl.property(t, "Function", "LoggingConfig", "ApplicationLogLevel"); level != "INFO" {
		t.Errorf("the log level is %v, want INFO", level)
	}
}

// TestTemplatePatternsAreTheWorkers sees that CloudFormation lets a list of IDs through only if the worker starts with it.
func TestTemplatePatternsAreTheWorkers(t *testing.T) {
	long := strings.Repeat("x", 127)
	for name, test := range map[string]struct {
		parameter, variable string
		good, bad           []string
	}{
		"accounts": {
			"AllowedAccountIds", "ALLOWED_ACCOUNT_IDS",
			[]string{"*", "a", "acme-team,acme_2", "a , b", long},
			[]string{"", " ", ",", "a,", "*,a", "a,*", "a/b", "a b", "..", strings.Repeat(long, 2)},
		},
		"protected users": {
			"ProtectedUserIds", "PROTECTED_USER_IDS",
			[]string{"", "u", "the-ceo, Break Glass", "jürgen@example.com,b", long + "," + long},
			[]string{" ", ",", "u,", ",u", "*", "u,*", "u\n", "u,\x00", long + "xx", "u,,v"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			pattern := regexp.MustCompile(`\A(?:` + readTemplate(t).Parameters[test.parameter].AllowedPattern + `)\z`)
			for _, value := range append(test.good, test.bad...) {
				good := slices.Contains(test.good, value)
				if got := pattern.MatchString(value); got != good {
					t.Errorf("the template takes %q: %v, want %v", value, got, good)
				}
				_, err := readSettings(func(name string) string {
					return map[string]string{
						"DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/dead-letters",
						"ALLOWED_ACCOUNT_IDS":   "*",
						test.variable:           value,
					}[name]
				})
				if good && err != nil {
					t.Errorf("the template takes %q, and the worker does not start with it: %v", value, err)
				}
			}
		})
	}
}

func TestTemplateQueues(t *testing.T) {
	tpl := readTemplate(t)
	visibility, retention := tpl.number(t, "SourceQueue", "VisibilityTimeout"), tpl.number(t, "SourceQueue", "MessageRetentionPeriod")
	timeout := tpl.number(t, "Function", "Timeout")
	window := tpl.number(t, "Function", "Events", "Requests", "Properties", "MaximumBatchingWindowInSeconds")
	if least := 6*timeout + window; visibility < least {
		t.Errorf("the visibility timeout is %d s, want at least %d s", visibility, least)
	}
	if kept := tpl.number(t, "DeadLetterQueue", "MessageRetentionPeriod"); kept != 14*24*60*60 || kept <= retention {
		t.Errorf("dead letters are kept for %d s, requests for %d s, want 14 days and more than requests", kept, retention)
	}
	target := tpl.property(t, "SourceQueue", "RedrivePolicy", "deadLetterTargetArn")
	if diff := cmp.Diff(map[string]any{"Fn::GetAtt": "DeadLetterQueue.Arn"}, target); diff != "" {
		t.Error(diff)
	}
	name := tpl.property(t, "SourceQueue", "QueueName", "Fn::Sub").(string)
	allowed := tpl.property(t, "DeadLetterQueue", "RedriveAllowPolicy", "sourceQueueArns", 0, "Fn::Sub").(string)
	if !strings.HasSuffix(allowed, ":"+name) {
		t.Errorf("dead letters may come from %s, the source queue is %s", allowed, name)
	}

	denying := map[string]bool{}
	for _, policy := range tpl.ofType("AWS::SQS::QueuePolicy") {
		queue := tpl.property(t, policy, "Queues", 0, "Ref").(string)
		for _, statement := range tpl.property(t, policy, "PolicyDocument", "Statement").([]any) {
			if branches, conditional := statement.(map[string]any)["Fn::If"].([]any); conditional {
				statement = branches[1]
			}
			s := statement.(map[string]any)
			arn := map[string]any{"Fn::GetAtt": queue + ".Arn"}
			if !cmp.Equal(s["Resource"], any(arn)) {
				t.Errorf("%s is about %v, want its own queue", policy, s["Resource"])
			}
			condition := fmt.Sprint(s["Condition"])
			switch {
			case s["Effect"] == "Deny" && condition == "map[Bool:map[aws:SecureTransport:false]]" && s["Principal"] == "*" && s["Action"] == "sqs:*":
				denying[queue] = true
			case s["Effect"] != "Allow" || s["Action"] != "sqs:SendMessage" || !strings.Contains(condition, "ArnEquals:map[aws:SourceArn:"):
				t.Errorf("%s has a statement that is neither TLS only nor one sender's: %v", policy, s)
			}
		}
	}
	for _, queue := range tpl.ofType("AWS::SQS::Queue") {
		if !denying[queue] {
			t.Errorf("%s can be used without TLS", queue)
		}
		if tpl.Resources[queue].DeletionPolicy != "RetainExceptOnCreate" {
			t.Errorf("%s goes with the stack", queue)
		}
		want := any(map[string]any{"Fn::If": []any{"HasKey", map[string]any{"Ref": "AWS::NoValue"}, true}})
		if queue == "UndeliveredQueue" {
			want = true
		}
		if diff := cmp.Diff(want, tpl.property(t, queue, "SqsManagedSseEnabled")); diff != "" {
			t.Errorf("%s is encrypted otherwise (-want +got):\n%s", queue, diff)
		}
	}
}

func TestTemplateMapping(t *testing.T) {
	tpl := readTemplate(t)
	mapping := tpl.property(t, "Function", "Events", "Requests", "Properties").(map[string]any)
	if mapping["FilterCriteria"] != nil {
		t.Error("the mapping has a FilterCriteria, which deletes what does not match")
	}
	if diff := cmp.Diff(any([]any{"ReportBatchItemFailures"}), mapping["FunctionResponseTypes"]); diff != "" {
		t.Error(diff)
	}
	// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html
	size, window := tpl.number(t, "Function", "Events", "Requests", "Properties", "BatchSize"), tpl.number(t, "Function", "Events", "Requests", "Properties", "MaximumBatchingWindowInSeconds")
	if size > 10_000 || size > 10 && window < 1 {
		t.Errorf("the batch size is %d with a window of %d s, want at most 10,000, and a window of at least 1 s for more than 10", size, window)
	}
	if most := tpl.number(t, "Function", "Events", "Requests", "Properties", "ScalingConfig", "MaximumConcurrency"); most < 2 || most > 1000 {
		t.Errorf("the maximum concurrency is %d, want 2 to 1,000", most)
	}
	if _, reserved := tpl.Resources["Function"].Properties["ReservedConcurrentExecutions"]; reserved {
		t.Error("the function has reserved concurrency: what it throttles counts as a delivery")
	}
}

// TestTemplatePublishesAVersionForEachParameter is about a trap: SAM alone would go on with a version that has the old values.
func TestTemplatePublishesAVersionForEachParameter(t *testing.T) {
	tpl := readTemplate(t)
	content := tpl.property(t, "Settings", "Content", "Fn::Sub").(string)
	found := 0
	visit(tpl.Resources["Function"].Properties, func(value map[string]any) {
		name, _ := value["Ref"].(string)
		if _, isParameter := tpl.Parameters[name]; !isParameter || name == "DeploymentType" {
			return
		}
		found++
		if !strings.Contains(content, "${"+name+"}") {
			t.Errorf("the function has the parameter %s, and Settings does not: a change would not be deployed", name)
		}
	})
	if found < 4 {
		t.Errorf("only %d parameters were found in the function", found)
	}
	if got := tpl.property(t, "Function", "VersionDescription", "Fn::Sub"); got != "settings ${Settings}" {
		t.Errorf("the version's description is %v, want the number of Settings", got)
	}
	if tpl.Resources["Function"].UpdateReplacePolicy != "Retain" {
		t.Error("the version before a change of a parameter is not kept")
	}
	if tpl.property(t, "Function", "AutoPublishAliasAllProperties") != true {
		t.Error("a change of the template alone would not be deployed")
	}
}

func TestTemplateRole(t *testing.T) {
	got := map[string][]string{}
	for _, statement := range readTemplate(t).property(t, "Role", "Policies", 0, "PolicyDocument", "Statement").([]any) {
		if branches, conditional := statement.(map[string]any)["Fn::If"].([]any); conditional {
			statement = branches[1]
		}
		s := statement.(map[string]any)
		where := fmt.Sprint(s["Resource"])
		if actions, several := s["Action"].([]any); several {
			for _, action := range actions {
				got[where] = append(got[where], action.(string))
			}
			continue
		}
		got[where] = append(got[where], s["Action"].(string))
	}
	want := map[string][]string{
		"*":                                   {"chime:BatchSuspendUser"},
		"map[Fn::GetAtt:DeadLetterQueue.Arn]": {"sqs:SendMessage"},
		// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html names the last three.
		"map[Fn::GetAtt:SourceQueue.Arn]": {"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"},
		"map[Fn::GetAtt:LogGroup.Arn]":    {"logs:CreateLogStream", "logs:PutLogEvents"},
		"map[Ref:KmsKeyArn]":              {"kms:Decrypt", "kms:GenerateDataKey"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what the function may do (-want +got):\n%s", diff)
	}
}

// printed returns the lines that the function prints in all stories, and those of what is no request.
func printed(t *testing.T) []map[string]any {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(eventsFolder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	for _, file := range files {
		tell(t, read(t, filepath.Base(file)), nil, nil, &output)
	}
	var lines []map[string]any
	for line := range bytes.Lines(output.Bytes()) {
		var members map[string]any
		if err := json.Unmarshal(line, &members); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		lines = append(lines, members)
	}
	return lines
}

// TestTemplateWatchesWhatThereIs compares the metrics of the alarms and the dashboard, and the fields of the queries, with what
// the worker writes and what AWS's services have.
func TestTemplateWatchesWhatThereIs(t *testing.T) {
	tpl := readTemplate(t)
	lines := printed(t)
	metrics := map[string]bool{}
	fields, texts := map[string]bool{}, map[string]bool{}
	for _, line := range lines {
		for name, value := range line {
			fields[name] = true
			if text, ok := value.(string); ok {
				texts[text] = true
			}
		}
		visit(line["_aws"], func(value map[string]any) {
			if name, ok := value["Name"].(string); ok {
				metrics[name] = true
			}
		})
	}
	known := map[string][]string{
		"ChimeSuspension": slices.Sorted(maps.Keys(metrics)),
		// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
		"AWS/SQS": {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesVisible", "NumberOfMessagesSent"},
		// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
		"AWS/Events": {"InvocationsFailedToBeSentToDlq"},
		// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
		"AWS/Lambda": {"DeletedEventCount", "Duration", "Errors", "Invocations", "PolledEventCount", "Throttles"},
	}
	watched := map[string]bool{}
	check := func(where, namespace, metric string) {
		watched[namespace+" "+metric] = true
		if !slices.Contains(known[namespace], metric) {
			t.Errorf("%s watches %s of %s, which is not there", where, metric, namespace)
		}
	}
	for _, alarm := range tpl.ofType("AWS::CloudWatch::Alarm") {
		check(alarm, tpl.property(t, alarm, "Namespace").(string), tpl.property(t, alarm, "MetricName").(string))
	}
	queries := map[string]string{}
	for _, query := range tpl.ofType("AWS::Logs::QueryDefinition") {
		queries[query] = tpl.property(t, query, "QueryString").(string)
	}
	for _, widget := range dashboard(t, tpl) {
		title := "the widget " + widget.Properties.Title
		if widget.Properties.Query != "" {
			queries[title] = widget.Properties.Query
		}
		var above []any
		for _, row := range widget.Properties.Metrics {
			for i := range min(len(row), len(above)) {
				if row[i] == "." {
					row[i] = above[i]
				}
			}
			check(title, row[0].(string), row[1].(string))
			above = row
		}
	}
	for namespace, names := range known {
		for _, name := range names {
			if !watched[namespace+" "+name] {
				t.Errorf("nothing watches %s of %s", name, namespace)
			}
		}
	}

	if len(queries) < 4 {
		t.Errorf("only %d queries were found", len(queries))
	}
	language := strings.Fields("as asc by coalesce count desc fields filter latest like limit max min or sort stats SOURCE")
	quoted := regexp.MustCompile(`"[^"]*"|'[^']*'|/[^/]*/`)
	alias := regexp.MustCompile(` as (\w+)`)
	word := regexp.MustCompile(`@?[A-Za-z]\w*`)
	for where, query := range queries {
		for _, text := range quoted.FindAllString(query, -1) {
			if text := strings.Trim(text, `"'/`); !texts[text] && text != "USER_ID" && text != "${LogGroup}" && text != "InvalidRequest" {
				t.Errorf("%s looks for %q, which the worker never writes", where, text)
			}
		}
		plain := quoted.ReplaceAllString(query, "")
		var names []string
		for _, found := range alias.FindAllStringSubmatch(plain, -1) {
			names = append(names, found[1])
		}
		for _, name := range word.FindAllString(plain, -1) {
			if !fields[name] && !slices.Contains(language, name) && !slices.Contains(names, name) && name != "@timestamp" && name != "@message" {
				t.Errorf("%s has the field %s, which the worker never writes", where, name)
			}
		}
	}
}

type widget struct {
	Properties struct {
		Title   string
		Metrics [][]any
		Query   string
		Alarms  []string
	}
}

func dashboard(t *testing.T, tpl template) []widget {
	t.Helper()
	var body struct{ Widgets []widget }
	if err := json.Unmarshal([]byte(tpl.property(t, "Dashboard", "DashboardBody", "Fn::Sub").(string)), &body); err != nil {
		t.Fatal(err)
	}
	return body.Widgets
}

// TestTemplateAlarmsAreInTheRunbook sees that each alarm pages, is on the dashboard, and links a section that is there.
func TestTemplateAlarmsAreInTheRunbook(t *testing.T) {
	tpl := readTemplate(t)
	text, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	var sections []string
	for _, heading := range regexp.MustCompile("(?m)^### `([a-z-]+)`$").FindAllSubmatch(text, -1) {
		sections = append(sections, string(heading[1]))
	}
	slices.Sort(sections)
	var onDashboard []string
	for _, widget := range dashboard(t, tpl) {
		onDashboard = append(onDashboard, widget.Properties.Alarms...)
	}
	var names []string
	for _, alarm := range tpl.ofType("AWS::CloudWatch::Alarm") {
		description := tpl.property(t, alarm, "AlarmDescription", "Fn::Sub").(string)
		_, section, found := strings.Cut(description, " ${RunbookUrl}#")
		if !found || !slices.Contains(sections, section) {
			t.Errorf("the description of %s links no section of the runbook: %s", alarm, description)
		}
		if alarm == "NewVersionErrorsAlarm" {
			continue // It is for CodeDeploy.
		}
		names = append(names, section)
		if name := tpl.property(t, alarm, "AlarmName", "Fn::Sub"); name != "${AWS::StackName}-"+section {
			t.Errorf("%s has the name %s, its section is %s", alarm, name, section)
		}
		if diff := cmp.Diff(any([]any{map[string]any{"Ref": "AlarmTopicArn"}}), tpl.property(t, alarm, "AlarmActions")); diff != "" {
			t.Errorf("%s pages nobody:\n%s", alarm, diff)
		}
		if !slices.Contains(onDashboard, "${"+alarm+".Arn}") {
			t.Errorf("%s is not on the dashboard", alarm)
		}
	}
	slices.Sort(names)
	if diff := cmp.Diff(names, sections); diff != "" {
		t.Errorf("sections of the runbook (-alarms +sections):\n%s", diff)
	}
}
