package queue

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lambdas is an event as Lambda writes it, without white space.
const lambdas = `{"Records":[{"messageId":"059f36b4-87a3-44ab-83d2-661975830a7d","receiptHandle":"AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a/+=","body":"{\"accountId\":\"acme-team\",\"userId\":\"6a7e8feb-b491-4cf7-a9f1-5bb2e1d04a6c\",\"correlationId\":\"offboarding-0001\",\"requestedBy\":\"hr-system\",\"reason\":\"Last working day\"}","attributes":{"ApproximateReceiveCount":"2","AWSTraceHeader":"Root=1-5759e988-bd862e3fe1be46a994272793","SentTimestamp":"1545082649183","SenderId":"AIDAIENQZJOLO23YVJ4VO","ApproximateFirstReceiveTimestamp":"1545082649185"},"messageAttributes":{},"md5OfBody":"e4e68fb7bd0e697a0ae8f1bb342846b3","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:us-east-2:123456789012:my-queue","awsRegion":"us-east-2"}]}`

// plainEvents says of events whether they are decoded the quick way.
var plainEvents = map[string]bool{
	lambdas:             true,
	" " + lambdas + " ": true,
	strings.ReplaceAll(lambdas, `Last working day`, `Caf\\u00e9\\n é 😀 \/ \n\r\t`):                                                                                                   true,
	strings.ReplaceAll(lambdas, `"body":`, `"body":"","body":`):                                                                                                                      true,
	strings.ReplaceAll(lambdas, `"messageAttributes":{}`, `"body":""`):                                                                                                               true,
	strings.ReplaceAll(lambdas, `"messageAttributes":{}`, `"messageId":"2"`):                                                                                                         true,
	strings.ReplaceAll(lambdas, `"messageAttributes":{}`, `"attributes":{}`):                                                                                                         true,
	strings.ReplaceAll(lambdas, `"messageAttributes":{}`, `"attributes":{"ApproximateReceiveCount":"x","a":"5"}`):                                                                    true,
	strings.ReplaceAll(lambdas, `"2"`, `"2","ApproximateReceiveCount":"-7"`):                                                                                                         true,
	`{"Records": [{"messageId": "1", "body": "a", "eventSource": "aws:sqs"}, {"messageId": "2", "body": "b", "eventSource": "aws:sqs"}]}`:                                            true,
	strings.ReplaceAll(lambdas, `"messageAttributes":{}`, `"messageAttributes":{"a":{"stringValue":"b","stringListValues":["c"],"binaryListValues":[],"dataType":"String"},"b":{}}`): true,
	`{"Records": [ ] }`: true,

	strings.ReplaceAll(lambdas, `"messageAttributes":{}`, `"messageAttributes":{"a":{"b":[[]]}}`): false,
	strings.ReplaceAll(lambdas, `"messageAttributes":{}`, `"messageAttributes":null`):             false,
	strings.ReplaceAll(lambdas, `"messageAttributes":{}`, `"messageAttributes":{}}`):              false,
	strings.ReplaceAll(lambdas, `aws:sqs"`, `aws:kinesis"`):                                       false,
	strings.ReplaceAll(lambdas, `"messageAttributes":{}`, `"messageId":""`):                       false,
	strings.ReplaceAll(lambdas, `"messageAttributes":{}`, `"body":null`):                          false,
	strings.ReplaceAll(lambdas, `"messageAttributes":{}`, `"messageAttributes":{},`):              false,
	strings.ReplaceAll(lambdas, `my-queue`, `my-queue.fifo`):                                      false,
	strings.ReplaceAll(lambdas, `my-queue`, `my-\"ueue`):                                          false,
	strings.ReplaceAll(lambdas, `Last`, `\u004cast`):                                              false,
	strings.ReplaceAll(lambdas, `Last`, `\blast`):                                                 false,
	strings.ReplaceAll(lambdas, `Last`, `\xlast`):                                                 false,
	strings.ReplaceAll(lambdas, `Last`, "L\xffast"):                                               false,
	strings.ReplaceAll(lambdas, `Last`, "Last\n"):                                                 false,
	strings.ReplaceAll(lambdas, `"2"`, `2`):                                                       false,
	strings.ReplaceAll(lambdas, `]}`, `],"Records":[]}`):                                          false,
	strings.ReplaceAll(lambdas, `]}`, `],"more":"x"}`):                                            false,
	strings.ReplaceAll(lambdas, `]}`, `,]}`):                                                      false,
	strings.ReplaceAll(lambdas, `{"Rec`, `{"more":"x","Rec`):                                      false,
	lambdas + "\x00":           false,
	lambdas + lambdas:          false,
	lambdas[:len(lambdas)-1]:   false,
	lambdas[:len(lambdas)-100]: false,
	`{}`:                       false,
	`[]`:                       false,
	``:                         false,
}

func TestWhatIsDecodedTheQuickWay(t *testing.T) {
	for payload, want := range plainEvents {
		got, ok := decodePlain([]byte(payload))
		if ok != want {
			t.Errorf("%s: decoded the quick way is %t, want %t", payload, ok, want)
		}
		if !ok {
			continue
		}
		if slow, err := decode([]byte(payload)); err != nil || !slices.Equal(got, slow) {
			t.Errorf("%s: error %v (-slow +quick):\n%s", payload, err, cmp.Diff(slow, got))
		}
	}
}

// TestExamplesAreDecodedTheQuickWay: all are what Lambda writes.
func TestExamplesAreDecodedTheQuickWay(t *testing.T) {
	paths, err := filepath.Glob("../../events/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("found %d events, and error %v", len(paths), err)
	}
	for _, path := range paths {
		payload, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := decodePlain(payload); !ok {
			t.Errorf("%s is not decoded the quick way", path)
		}
	}
}
