package main

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestQuantile(t *testing.T) {
	for _, test := range []struct {
		values []float64
		share  float64
		want   float64
	}{
		{[]float64{7}, 0.25, 7},
		{[]float64{3, 1, 2}, 0.5, 2},
		{[]float64{4, 1, 3, 2}, 0.5, 2.5},
		{[]float64{5, 4, 3, 2, 1}, 0.25, 2},
		{[]float64{1, 2}, 0.75, 1.75},
		{[]float64{2, 1}, 1, 2},
	} {
		t.Run(fmt.Sprint(test.values, test.share), func(t *testing.T) {
			if got := quantile(test.values, test.share); got != test.want {
				t.Errorf("it is %v, want %v", got, test.want)
			}
		})
	}
}

func TestRounded(t *testing.T) {
	for value, want := range map[float64]float64{0: 0, 1: 1, 0.123456: 0.1235, 12345.6: 12350, 99999: 100000, 160: 160} {
		if got := rounded(value); got != want {
			t.Errorf("%v becomes %v, want %v", value, got, want)
		}
	}
}

func TestTurns(t *testing.T) {
	if diff := cmp.Diff([]int{0, 1, 2, 2, 1, 0, 0, 1, 2}, turns(3, 3)); diff != "" {
		t.Error(diff)
	}
}

func TestCompare(t *testing.T) {
	samples := map[string][]sample{
		worker:     {{cpuLarge: 2}, {cpuLarge: 6}, {cpuLarge: 5}},
		typed:      {{cpuLarge: 4}, {cpuLarge: 10}, {cpuLarge: 10}},
		powertools: {{cpuLarge: 100}, {cpuLarge: 180}, {cpuLarge: 200}},
	}
	half := &spread{Median: 0.5, Low: 0.5, High: 0.55}
	often := &spread{Median: 40, Low: 35, High: 45}
	for _, test := range []struct {
		name string
		goal goal
		want comparison
	}{
		{"the ratio is that of each round", goal{against: typed, bound: 0.5}, comparison{Against: typed, Ratio: half, Bound: 0.5, Met: true}},
		{"a share too large", goal{against: typed, bound: 0.49}, comparison{Against: typed, Ratio: half, Bound: 0.49}},
		{"often enough", goal{against: powertools, bound: 40, atLeast: true}, comparison{Against: powertools, Ratio: often, Bound: 40, AtLeast: true, Met: true}},
		{"not often enough", goal{against: powertools, bound: 41, atLeast: true}, comparison{Against: powertools, Ratio: often, Bound: 41, AtLeast: true}},
		{"a fixed value", goal{fixed: 10, bound: 1}, comparison{Ratio: &spread{Median: 0.5, Low: 0.35, High: 0.55}, Bound: 1, Met: true}},
		{"a yardstick that was not measured", goal{against: perCall, bound: 1}, comparison{Against: perCall, Bound: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.goal.compare(cpuLarge, samples)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("a figure that the worker does not have", func(t *testing.T) {
		if got := (goal{fixed: 1, bound: 1}).compare(zipped, samples); got.Ratio != nil || got.Met {
			t.Errorf("it is %v", got)
		}
	})
}

func TestEvaluateHasEveryFigureOfEverySubject(t *testing.T) {
	got := evaluate(map[string][]sample{worker: {{cpuLarge: 1}, {cpuLarge: 3}}})
	if len(got) != len(figures) {
		t.Fatalf("%d figures of %d", len(got), len(figures))
	}
	want := map[string]*spread{worker: {Median: 2, Low: 1.5, High: 2.5}, typed: nil, perCall: nil, powertools: nil}
	if diff := cmp.Diff(want, got[0].Values); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, g := range got[0].Goals {
		if g.Met || g.Ratio != nil {
			t.Errorf("a goal is met without its yardstick: %v", g)
		}
	}
}
