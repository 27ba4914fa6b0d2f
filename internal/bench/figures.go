package main

import "strconv"

// The subjects, by the names that they have in the results.
const (
	worker     = "worker"
	typed      = "typed"      // (a)
	perCall    = "percall"    // (b)
	powertools = "powertools" // (c)
)

var all = []string{worker, typed, perCall, powertools}

// figure is what is to be known of the worker, and of what stands beside it.
type figure struct {
	name   string
	unit   string
	metric metric
	goals  []goal
}

// goal is what the worker is to reach: at most a share of what a yardstick takes, or of a fixed value, or to go into what a
// yardstick takes at least so often.
type goal struct {
	text    string
	against string  // the yardstick; empty for the fixed value
	fixed   float64 // in the figure's unit
	bound   float64 // 0 where the share is only to be known
	atLeast bool
}

var figures = []figure{
	{"CPU a message, 8,000 messages", "µs", cpuLarge, []goal{
		{text: "≤ 0.65 × (a)", against: typed, bound: 0.65},
		{text: "(c) ≥ 40 ×", against: powertools, bound: 40, atLeast: true},
	}},
	{"CPU a message, 8,000 messages, first event", "µs", cpuFirst, []goal{{against: typed}}},
	{"CPU a message, 1,000 messages", "µs", cpuMedium, []goal{{text: "≤ 0.7 × (a)", against: typed, bound: 0.7}}},
	{"Wall time, 8,000 messages", "ms", wallLarge, []goal{
		{text: "≤ 0.9 × (a)", against: typed, bound: 0.9},
		{text: "(c) ≥ 30 ×", against: powertools, bound: 30, atLeast: true},
	}},
	{"Start to first request for work", "ms", starting, []goal{{text: "≤ 1.8 × (a)", against: typed, bound: 1.8}}},
	{"Wall time, warm, one message", "ms", wallSingle, []goal{{text: "≤ 2.8 × (a)", against: typed, bound: 2.8}}},
	{"CPU, warm, one message", "ms", cpuSingle, []goal{{against: typed}}},
	{"Peak resident memory, 8,000 messages", "MiB", memory, []goal{
		{text: "≤ 1.2 × (a)", against: typed, bound: 1.2},
		{text: "(c) ≥ 8 ×", against: powertools, bound: 8, atLeast: true},
	}},
	{"Wall time, 4,000 messages, 100 ms a call", "s", wallSlow, []goal{
		{text: "≤ 1.05 × 20 rounds of 4 calls", fixed: 20 * slowLatency.Seconds(), bound: 1.05},
	}},
	{"Calls, 8,000 messages of 4 accounts", "", calls, []goal{{text: "the least possible", fixed: 160, bound: 1}}},
	{"Binary, stripped and zipped", "MB", zipped, []goal{{text: "≤ 4 MB", fixed: 4, bound: 1}}},
}

// results are what a run of the benchmark has to say.
type results struct {
	Date    string   `json:"date"`
	Machine string   `json:"machine"`
	Go      string   `json:"go"`
	Node    string   `json:"node"` // empty where it was not measured
	Rounds  int      `json:"rounds"`
	Figures []result `json:"figures"`
}

// result is a figure with its values.
type result struct {
	Name   string             `json:"name"`
	Unit   string             `json:"unit"`
	Values map[string]*spread `json:"values"` // by subject, nil where it was not measured
	Goals  []comparison       `json:"goals"`
}

// comparison is a goal, and how near it is.
type comparison struct {
	Text    string  `json:"text"`
	Against string  `json:"against"`
	Ratio   *spread `json:"ratio"` // nil where the yardstick was not measured
	Bound   float64 `json:"bound"` // 0 where there is none
	AtLeast bool    `json:"atLeast"`
	Met     bool    `json:"met"`
}

// spread is a median with the quartiles around it.
type spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// spreadOf returns nil for no values.
func spreadOf(values []float64) *spread {
	if len(values) == 0 {
		return nil
	}
	return &spread{rounded(quantile(values, 0.5)), rounded(quantile(values, 0.25)), rounded(quantile(values, 0.75))}
}

// rounded returns a value with four digits, which is more than is known of it.
func rounded(value float64) float64 {
	short, _ := strconv.ParseFloat(strconv.FormatFloat(value, 'g', 4, 64), 64) // It was a number before.
	return short
}

// evaluate makes the results of the samples of each subject, those of a round in the same place.
func evaluate(samples map[string][]sample) []result {
	var evaluated []result
	for _, f := range figures {
		r := result{Name: f.name, Unit: f.unit, Values: make(map[string]*spread), Goals: []comparison{}}
		for _, name := range all {
			var values []float64
			for _, s := range samples[name] {
				if value, ok := s[f.metric]; ok {
					values = append(values, value)
				}
			}
			r.Values[name] = spreadOf(values)
		}
		for _, g := range f.goals {
			r.Goals = append(r.Goals, g.compare(f.metric, samples))
		}
		evaluated = append(evaluated, r)
	}
	return evaluated
}

// compare takes the ratio of each round, because what disturbs one disturbs all subjects in it.
func (g goal) compare(m metric, samples map[string][]sample) comparison {
	var ratios []float64
	for round, s := range samples[worker] {
		own, ok := s[m]
		other := g.fixed
		if g.against != "" {
			if round >= len(samples[g.against]) {
				continue
			}
			other = samples[g.against][round][m]
		}
		switch {
		case !ok:
		case g.atLeast:
			ratios = append(ratios, other/own)
		default:
			ratios = append(ratios, own/other)
		}
	}
	c := comparison{Text: g.text, Against: g.against, Ratio: spreadOf(ratios), Bound: g.bound, AtLeast: g.atLeast}
	if c.Ratio != nil {
		c.Met = g.atLeast && c.Ratio.Median >= g.bound || !g.atLeast && c.Ratio.Median <= g.bound
	}
	return c
}
