package queueserver

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// The digests are those that the npm package aws-md5-of-message-attributes gives for the same attributes.
func TestDigestsOfAttributes(t *testing.T) {
	var (
		first  = attribute{DataType: "String", StringValue: "attribValue 1"}
		number = attribute{DataType: "Number.float", StringValue: "4563442423554324324264524243.32543234"}
		binary = attribute{DataType: "Binary", BinaryValue: []byte("Hello binary world!")}
	)
	tests := []struct {
		name       string
		attributes map[string]attribute
		want       string
	}{
		{"none", nil, ""},
		{"a string", map[string]attribute{"attribName1": first}, "19e27d4e946b072f3f58da80d94fd778"},
		{"a number with a label", map[string]attribute{"customNumberTypeAttrib": number}, "9fe1b90bbd9965bdf77bac517c7d2495"},
		{"bytes", map[string]attribute{"binaryAttribute": binary}, "31a92b15d92f8db860eda32aceb656c3"},
		{"all of them", map[string]attribute{"attribName1": first, "customNumberTypeAttrib": number, "binaryAttribute": binary},
			"c932db14a896c663f83c260297d594ff"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantEqual(t, attributesDigest(test.attributes), test.want)
		})
	}
}

func TestNamesOfAttributes(t *testing.T) {
	tests := []struct {
		name string
		good bool
	}{
		{"", false},
		{"a", true},
		{strings.Repeat("a", 256), true},
		{strings.Repeat("a", 257), false},
		{"AZaz09_-.x", true},
		{"a b", false},
		{"ä", false},
		{"a!", false},
		{".", false},
		{".a", false},
		{"a.", false},
		{"a..b", false},
		{"a.b.c", true},
		{"AWS.a", false},
		{"aws.a", false},
		{"Amazon.a", false},
		{"aMAZON.a", false},
		{"AWSa", true},
		{"x.AWS.a", true},
	}
	c := start(t)
	queueURL := c.create(t, "q")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := c.SendMessage(t.Context(), &sqs.SendMessageInput{
				QueueUrl: queueURL, MessageBody: aws.String("x"), MessageAttributes: map[string]types.MessageAttributeValue{test.name: text("x")},
			})
			wantRefused(t, err, !test.good)
		})
	}
}

func wantRefused(t *testing.T, err error, refused bool) {
	t.Helper()
	if refused {
		wantCode(t, err, "InvalidParameterValue")
	} else {
		wantCode(t, err, "")
	}
}

func TestTypesAndValuesOfAttributes(t *testing.T) {
	value := func(dataType, text string, bytes []byte) types.MessageAttributeValue {
		v := types.MessageAttributeValue{DataType: &dataType, BinaryValue: bytes}
		if text != "" {
			v.StringValue = &text
		}
		return v
	}
	tests := []struct {
		name  string
		value types.MessageAttributeValue
		code  string
	}{
		{"a string", value("String", "x", nil), ""},
		{"a string with a label", value("String.json.v2", "{}", nil), ""},
		{"an empty string", value("String", "", nil), "InvalidParameterValue"},
		{"a string of bytes", value("String", "", []byte("x")), "InvalidParameterValue"},
		{"a string and bytes", value("String", "x", []byte("x")), "InvalidParameterValue"},
		{"bytes", value("Binary", "", []byte{0}), ""},
		{"bytes with a label", value("Binary.png", "", []byte{0}), ""},
		{"no bytes", value("Binary", "", nil), "InvalidParameterValue"},
		{"bytes of a string", value("Binary", "x", nil), "InvalidParameterValue"},
		{"a number", value("Number", "1", nil), ""},
		{"a number with a label", value("Number.int", "1", nil), ""},
		{"an empty number", value("Number", "", nil), "InvalidParameterValue"},
		{"a number that is none", value("Number", "one", nil), "InvalidParameterValue"},
		{"a type of another case", value("string", "x", nil), "InvalidParameterValue"},
		{"a type that begins like one", value("Stringy", "x", nil), "InvalidParameterValue"},
		{"an unknown type", value("Float", "1", nil), "InvalidParameterValue"},
		{"an empty type", value("", "x", nil), "InvalidParameterValue"},
		{"a type of 256 characters", value("String."+strings.Repeat("x", 249), "x", nil), ""},
		{"a type of 257 characters", value("String."+strings.Repeat("x", 250), "x", nil), "InvalidParameterValue"},
		{"a type with U+0000", value("String.\x00", "x", nil), "InvalidParameterValue"},
		{"a list of strings", types.MessageAttributeValue{DataType: aws.String("String"), StringListValues: []string{"x"}},
			"AWS.SimpleQueueService.UnsupportedOperation"},
		{"a list of bytes", types.MessageAttributeValue{DataType: aws.String("Binary"), BinaryListValues: [][]byte{{0}}},
			"AWS.SimpleQueueService.UnsupportedOperation"},
	}
	c := start(t)
	queueURL := c.create(t, "q")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := c.SendMessage(t.Context(), &sqs.SendMessageInput{
				QueueUrl: queueURL, MessageBody: aws.String("x"), MessageAttributes: map[string]types.MessageAttributeValue{"name": test.value},
			})
			wantCode(t, err, test.code)
		})
	}
}

func TestNumbers(t *testing.T) {
	tests := []struct {
		text string
		want bool
	}{
		{"0", true},
		{"-0.0", true},
		{"+5", true},
		{".5", true},
		{"5.", true},
		{"1e3", true},
		{"1E-3", true},
		{"", false},
		{".", false},
		{"-", false},
		{"e3", false},
		{"1e", false},
		{"1 ", false},
		{"0x1f", false},
		{"NaN", false},
		{"Infinity", false},
		{"1,5", false},
		{strings.Repeat("9", 38), true},
		{strings.Repeat("9", 39), false},
		{"0.0" + strings.Repeat("9", 38) + "00", true},
		{strings.Repeat("0", 50) + "1" + strings.Repeat("0", 50), true},
		{"1e126", true},
		{"-1e126", true},
		{"1.1e126", false},
		{"9.9e125", true},
		{"1e127", false},
		{"1e-128", true},
		{"9e-129", false},
		{"0.1e-127", true},
		{"1e99999999999999999999", false},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			wantEqual(t, isNumber(test.text), test.want)
		})
	}
}
