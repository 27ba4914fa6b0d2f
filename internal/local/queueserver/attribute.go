package queueserver

import (
	"encoding/binary"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// attribute is the value of a message attribute,
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html.
type attribute struct {
	DataType         string
	StringValue      string   `json:",omitempty"`
	BinaryValue      []byte   `json:",omitempty"`
	StringListValues []string `json:",omitempty"` // Reserved by SQS, as is the next.
	BinaryListValues [][]byte `json:",omitempty"`
}

// value returns the value's bytes and the number that stands for its kind in digests.
func (a attribute) value() (kind byte, value []byte) {
	if a.logicalType() == "Binary" {
		return 2, a.BinaryValue
	}
	return 1, []byte(a.StringValue)
}

func (a attribute) logicalType() string {
	logical, _, _ := strings.Cut(a.DataType, ".")
	return logical
}

// attributeBytes is what attributes count of a message's size.
func attributeBytes(attributes map[string]attribute) int {
	n := 0
	for name, a := range attributes {
		n += len(name) + len(a.DataType) + len(a.StringValue) + len(a.BinaryValue)
	}
	return n
}

// attributesDigest is the MD5 digest of attributes in the order of their names, each part with its length before it. It is
// empty if there are none.
func attributesDigest(attributes map[string]attribute) string {
	if len(attributes) == 0 {
		return ""
	}
	var b []byte
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		kind, value := a.value()
		b = appendSized(b, []byte(name))
		b = appendSized(b, []byte(a.DataType))
		b = appendSized(append(b, kind), value)
	}
	return digest(b)
}

func appendSized(b, part []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
}

// checkAttributes checks the message attributes that a sender gave, but for their size.
func checkAttributes(attributes map[string]attribute) error {
	if len(attributes) > maxMessageAttributes {
		return invalidParameterValue.because("Number of message attributes [%d] exceeds the allowed maximum [%d].", len(attributes), maxMessageAttributes)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if err := checkAttributeName(name); err != nil {
			return err
		}
		if err := attributes[name].check(name); err != nil {
			return err
		}
	}
	return nil
}

func checkAttributeName(name string) error {
	lower := strings.ToLower(name)
	switch {
	case !nameLike(name, maxAttributeName, "_-."):
		return invalidParameterValue.because("Message (user) attribute name '%s' is invalid. "+
			"Reason: It can only include letters, digits, underscores, hyphens and periods. 1 to %d in length.", name, maxAttributeName)
	case strings.HasPrefix(lower, "aws."), strings.HasPrefix(lower, "amazon."):
		return invalidParameterValue.because("Message (user) attribute name '%s' is invalid. "+
			"Reason: Names that begin with 'AWS.' or 'Amazon.' are reserved.", name)
	case strings.HasPrefix(name, "."), strings.HasSuffix(name, "."), strings.Contains(name, ".."):
		return invalidParameterValue.because("Message (user) attribute name '%s' is invalid. "+
			"Reason: It can't start or end with a period, or have periods in a row.", name)
	}
	return nil
}

func (a attribute) check(name string) error {
	if a.StringListValues != nil || a.BinaryListValues != nil {
		return unsupportedOperation.because("Message (user) attribute '%s' has a list of values, which is not implemented: give one value.", name)
	}
	if len(a.DataType) > maxAttributeType || !allowedText(a.DataType) {
		return invalidParameterValue.because("The type of message (user) attribute '%s' is invalid. "+
			"Reason: It has the same characters as a message, and at most %d.", name, maxAttributeType)
	}
	logical := a.logicalType()
	wanted, other := a.StringValue, string(a.BinaryValue)
	switch logical {
	case "String", "Number":
	case "Binary":
		wanted, other = other, wanted
	default:
		return invalidParameterValue.because("The type of message (user) attribute '%s' is invalid. "+
			"You must use only the following supported type prefixes: Binary, Number, String.", name)
	}
	switch {
	case wanted == "", other != "":
		return invalidParameterValue.because("Message (user) attribute '%s' must contain a non-empty value of type '%s'.", name, logical)
	case logical != "Binary" && !allowedText(wanted):
		return invalidMessageContents.because("Invalid characters found in message (user) attribute '%s'. Valid unicode characters are %s.",
			name, allowedCharacters)
	case logical == "Number" && !isNumber(wanted):
		return invalidParameterValue.because("Can't cast the value of message (user) attribute '%s' to a number: "+
			"it has up to 38 digits and is between 10^-128 and 10^+126.", name)
	}
	return nil
}

var decimal = regexp.MustCompile(`^[+-]?([0-9]*)\.?([0-9]*)(?:[eE]([+-]?[0-9]+))?$`)

// isNumber says whether text is a Number: positive or negative, up to 38 digits of precision, between 10^-128 and 10^+126.
func isNumber(text string) bool {
	parts := decimal.FindStringSubmatch(text)
	if parts == nil || parts[1]+parts[2] == "" {
		return false
	}
	exponent := 0
	if parts[3] != "" {
		var err error
		if exponent, err = strconv.Atoi(parts[3]); err != nil {
			return false
		}
	}
	digits := strings.TrimLeft(parts[1]+parts[2], "0")
	magnitude := exponent + len(digits) - len(parts[2]) - 1 // Of the first digit that is not zero.
	digits = strings.TrimRight(digits, "0")
	switch {
	case digits == "":
		return true
	case len(digits) > 38:
		return false
	default:
		return within(-128, magnitude, 125) || magnitude == 126 && digits == "1"
	}
}
