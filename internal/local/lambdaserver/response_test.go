package lambdaserver

import (
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"
)

func TestReadFailures(t *testing.T) {
	t.Parallel()
	messages := []types.Message{{MessageId: aws.String("a")}, {MessageId: aws.String("b")}}
	tests := []struct {
		name     string
		response string
		want     []string
		wantErr  bool
	}{
		{name: "no response is a success", response: ""},
		{name: "an empty string is a success", response: `""`},
		{name: "null is a success", response: ` null `},
		{name: "an empty object is a success", response: `{}`},
		{name: "a null list is a success", response: `{"batchItemFailures": null}`},
		{name: "an empty list is a success", response: `{"batchItemFailures": []}`},
		{name: "a misspelt list is a success", response: `{"BatchItemFailures": [{"itemIdentifier": "a"}]}`},
		{name: "one message of two", response: `{"batchItemFailures": [{"itemIdentifier": "b"}]}`, want: []string{"b"}},
		{name: "both messages, one of them twice",
			response: `{"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "a"}, {"itemIdentifier": "b"}]}`,
			want:     []string{"a", "b"}},
		{name: "what else an item has is ignored", response: `{"batchItemFailures": [{"itemIdentifier": "a", "reason": 1}]}`, want: []string{"a"}},
		{name: "invalid JSON is a failure", response: `{"batchItemFailures": [`, wantErr: true},
		{name: "trailing data is a failure", response: `{} {}`, wantErr: true},
		{name: "another string is a failure", response: `"done"`, wantErr: true},
		{name: "a list without an object around it is a failure", response: `[{"itemIdentifier": "a"}]`, wantErr: true},
		{name: "an empty identifier is a failure", response: `{"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": ""}]}`, wantErr: true},
		{name: "a null identifier is a failure", response: `{"batchItemFailures": [{"itemIdentifier": null}]}`, wantErr: true},
		{name: "a number as identifier is a failure", response: `{"batchItemFailures": [{"itemIdentifier": 1}]}`, wantErr: true},
		{name: "a null item is a failure", response: `{"batchItemFailures": [null]}`, wantErr: true},
		{name: "a misspelt identifier is a failure", response: `{"batchItemFailures": [{"ItemIdentifier": "a"}]}`, wantErr: true},
		{name: "an unknown identifier is a failure", response: `{"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "c"}]}`, wantErr: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			failed, err := readFailures([]byte(test.response), messages)
			if (err != nil) != test.wantErr {
				t.Errorf("got the error %v, want one: %v", err, test.wantErr)
			}
			if diff := cmp.Diff(test.want, slices.Sorted(maps.Keys(failed))); diff != "" {
				t.Errorf("the messages handed back differ (-want +got):\n%s", diff)
			}
		})
	}
}
