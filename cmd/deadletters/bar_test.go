package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestABarIsDrawnOnATerminal(t *testing.T) {
	for name, test := range map[string]struct{ done, total int }{
		"in part":               {3, 10},
		"all":                   {10, 10},
		"more than was counted": {12, 10},
		"nothing was counted":   {1, 0},
		"nothing":               {0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			p := &program{err: &out, draws: true}
			b := p.newBar("letters sent", test.total)
			b.add(test.done)
			if test.done < test.total {
				<-time.After(1200 * time.Millisecond) // It is drawn every 250 ms, and guesses after a second.
			}
			b.finish()
			if test.done < test.total {
				for _, part := range []string{"letters sent", "[3 in ", "30.00%", "ETA"} {
					if !strings.Contains(out.String(), part) {
						t.Errorf("there is no %q in %q", part, out.String())
					}
				}
			}
		})
	}
}

func TestLinesStandForABarWithoutATerminal(t *testing.T) {
	var out bytes.Buffer
	p := &program{err: &out}
	b := p.newBar("letters sent", 100)
	b.add(10)
	if out.Len() > 0 {
		t.Errorf("at once it says %q, want nothing", out.String())
	}
	b.printed = b.printed.Add(-between)
	b.add(20)
	b.add(30)
	b.finish()
	if got, want := out.String(), "30 of about 100 letters sent\n"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}
