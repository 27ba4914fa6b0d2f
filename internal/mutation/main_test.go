package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMutantsOf(t *testing.T) {
	const source = `package p

func f(a int, b bool) int {
	defer g()
	if !b && a < 3 {
		a += 2
	}
	return -a
}
`
	mutants, err := mutantsOf("p.go", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range mutants {
		got = append(got, fmt.Sprintf("%d: %s > %s", m.at.Line, m.old, m.new))
	}
	want := []string{"4: defer g() > ", "5: ! > ", "5: && > ||", "5: < > <=", "5: < > >=", "6: += > -=", "6: += > =", "8: - > "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mutants (-want +got):\n%s", diff)
	}
}

// TestMutate finds, in a small package, that a boundary is not tested and a function not at all.
func TestMutate(t *testing.T) {
	got, err := mutate(t.Context(), "./testdata/sample")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(counts{killed: 1, survived: 1, uncovered: 1}, got); diff != "" {
		t.Errorf("fates (-want +got):\n%s", diff)
	}
	const want = "1 of 2 covered mutants killed (50.0 %; 0 of them by the time limit), 2 of 3 mutants covered; 0 more do not compile"
	if got.String() != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}

func TestPackagesThatCannotBeMutated(t *testing.T) {
	if _, err := mutate(t.Context(), "./testdata/nothing"); err == nil || !strings.Contains(err.Error(), "name a package of this module") {
		t.Errorf("the error is %v, which has to say what to do", err)
	}
}
