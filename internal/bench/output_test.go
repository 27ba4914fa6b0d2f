package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestOutputCountsLinesHoweverTheyAreCut(t *testing.T) {
	printed := []byte(strings.Repeat(`{"userId":"1","outcome":"suspended"}`+"\n"+`{"userId":"2","outcome":"returned"}`+"\n", 3))
	for size := 1; size <= len(printed); size++ {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			var o output
			for start := 0; start < len(printed); start += size {
				if _, err := o.Write(printed[start:min(start+size, len(printed))]); err != nil {
					t.Fatal(err)
				}
			}
			if o.suspended != 3 || !bytes.Equal(o.tail(), printed) {
				t.Errorf("%d suspended, want 3; the end is %q", o.suspended, o.tail())
			}
		})
	}
}

func TestOutputKeepsTheEnd(t *testing.T) {
	var o output
	for i := range 1000 {
		fmt.Fprintf(&o, "%010d", i)
	}
	if end := string(o.tail()); len(end) != endBytes || !strings.HasSuffix(end, "00000009980000000999") {
		t.Errorf("%d bytes, which end with %s", len(end), end[len(end)-20:])
	}
	_, _ = io.WriteString(&o, strings.Repeat("x", 2*endBytes))
	if end := string(o.tail()); end != strings.Repeat("x", endBytes) {
		t.Errorf("after a long write the end is %q", end)
	}
}
