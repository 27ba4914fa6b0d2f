package plain

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestObjectsAndArrays(t *testing.T) {
	r := NewReader(" {\"a\" : [ \"b\",\"c\"\t] ,\r\n\"é\":[],\"a\":\"\"} ")
	var got []string
	for name := range r.Object() {
		got = append(got, name)
		if r.next() == '"' {
			got = append(got, r.String())
			continue
		}
		for range r.Array() {
			got = append(got, r.String())
		}
	}
	if want := []string{"a", "b", "c", "é", "a", ""}; !slices.Equal(got, want) || !r.Done() {
		t.Errorf("got %q and done %t, want %q", got, r.Done(), want)
	}
}

// TestWhatIsRefused has objects and arrays of strings that are not JSON, or not plain.
func TestWhatIsRefused(t *testing.T) {
	for _, text := range []string{
		"", " ", "\x00", "{", "[", "}", "]", "{]", "[}", `{"a"}`, `{"a":}`, `{"a":"b"`, `{"a":"b",`, `{"a":"b",}`, `{,}`, `{"a" "b"}`, `{"a":"b" "c":"d"}`,
		`["a"`, `["a",`, `["a",]`, `[,]`, `["a" "b"]`, `["a"}`, `{"a":"b"]`, `["a]`, `[a]`, `[1]`, `[null]`, `[""] []`, "[]\x00", `{"a\n":"b"}`, `{a:"b"}`,
	} {
		object, array := NewReader(text), NewReader(text)
		for range object.Object() {
			_ = object.String()
		}
		for range array.Array() {
			_ = array.String()
		}
		if object.Done() || array.Done() {
			t.Errorf("%q: read as an object is %t, as an array %t", text, object.Done(), array.Done())
		}
	}
}

func TestAValueThatIsNotReadIsRefused(t *testing.T) {
	r := NewReader(`{"a": "b"}`)
	for range r.Object() {
		continue
	}
	if r.Done() {
		t.Error("it was not")
	}
}

// FuzzString compares the ways to read a string with encoding/json's.
func FuzzString(f *testing.F) {
	const longer = "0123456789abcdef"
	for i := range len(longer) {
		for _, c := range []string{`"`, `\"`, `\\`, `\/`, `\b`, `\n`, `\u0041`, `\x`, `\`, "é", "😀", "\uFFFD", "\xff", "\xed\xa0\x80", "\x00", "\x1f", " ", "!", "~", "\x7f", "\x80"} {
			f.Add(`"` + longer[:i] + c + longer[i:] + `"`)
			f.Add(` "` + longer[:i] + c)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want string
		isString := utf8.ValidString(text) && json.Unmarshal([]byte(text), &want) == nil && strings.Trim(text, " \t\r\n") != "null"
		usual := !strings.ContainsAny(strings.NewReplacer(`\\`, "", `\"`, "", `\/`, "", `\n`, "", `\r`, "", `\t`, "").Replace(text), `\`)

		whole, appended, quoted := NewReader(text), NewReader([]byte(text)), NewReader(text)
		if got := whole.String(); whole.Done() != (isString && !strings.Contains(text, `\`)) || whole.Done() && got != want {
			t.Errorf("String got %q and done %t, want %q", got, whole.Done(), want)
		}
		if got := appended.Append([]byte("x")); appended.Done() != (isString && usual) || appended.Done() && string(got) != "x"+want {
			t.Errorf("Append got %q and done %t, want %q", got, appended.Done(), want)
		}
		if got := quoted.Quoted(); quoted.Done() != (isString && usual) || quoted.Done() && got != strings.Trim(text, " \t\r\n") {
			t.Errorf("Quoted got %q and done %t", got, quoted.Done())
		}
	})
}

func TestSkip(t *testing.T) {
	for text, want := range map[string]bool{
		`""`:                       true,
		`"\"\\\/"`:                 true,
		`{}`:                       true,
		`[[], ["a", {}], {}]`:      false,
		`["a", "b"]`:               true,
		`{"a": [], "b": {}}`:       true,
		`{"a": ["b"], "b": ["c"]}`: true,
		`{"a": [[]]}`:              false,
		`{"a": [{}]}`:              false,
		`{"a": [1]}`:               false,
		`{"a": null}`:              false,
		`{"a": "\x"}`:              false,
		`null`:                     false,
		``:                         false,
	} {
		r := NewReader(text)
		if r.Skip(2); r.Done() != want {
			t.Errorf("%s: skipped is %t, want %t", text, r.Done(), want)
		}
	}
}
