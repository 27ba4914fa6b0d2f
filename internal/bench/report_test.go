package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sampleResults have a goal that is met, one that is not, one that cannot be told, and a figure without one.
func sampleResults() results {
	return results{
		Date: "2026-11-23", Machine: "a machine", Go: "go1.26.8", Rounds: 3,
		Figures: []result{
			{
				Name: "CPU a message", Unit: "µs",
				Values: map[string]*spread{worker: {4.123, 4, 4.5}, typed: {8, 7.5, 8.5}, perCall: {150, 140, 160}, powertools: nil},
				Goals: []comparison{
					{Text: "≤ 0.65 × (a)", Against: typed, Ratio: &spread{0.51, 0.5, 0.52}, Bound: 0.65, Met: true},
					{Text: "(c) ≥ 40 ×", Against: powertools, Bound: 40, AtLeast: true},
				},
			},
			{
				Name: "Start", Unit: "ms",
				Values: map[string]*spread{worker: {20.5, 20, 21}, typed: {10, 10, 10}, perCall: nil, powertools: nil},
				Goals:  []comparison{{Text: "≤ 1.8 × (a)", Against: typed, Ratio: &spread{2.05, 2, 2.1}, Bound: 1.8}},
			},
			{
				Name:   "Calls",
				Values: map[string]*spread{worker: {160, 160, 160}, typed: nil, perCall: nil, powertools: nil},
				Goals:  []comparison{{Text: "", Against: typed, Ratio: &spread{1, 1, 1}}},
			},
		},
	}
}

func TestTable(t *testing.T) {
	const want = `
┌───────────────────┬────────┬───────────┬──────────────┬────────────────┬─────────────────────┬──────────────┬──────────────┐
│                   │ Worker │ (a) typed │ (b) per call │ (c) Powertools │               Ratio │ Goal         │ Met          │
├───────────────────┼────────┼───────────┼──────────────┼────────────────┼─────────────────────┼──────────────┼──────────────┤
│ CPU a message, µs │   4.12 │         8 │          150 │              – │ 0.51 (0.50 to 0.52) │ ≤ 0.65 × (a) │ yes          │
│                   │        │           │              │                │                   – │ (c) ≥ 40 ×   │ not measured │
│ Start, ms         │   20.5 │        10 │            – │              – │    2.05 (2 to 2.10) │ ≤ 1.8 × (a)  │ NO           │
│ Calls             │    160 │         – │            – │              – │                   1 │              │              │
└───────────────────┴────────┴───────────┴──────────────┴────────────────┴─────────────────────┴──────────────┴──────────────┘`
	if diff := cmp.Diff(want, "\n"+newTable(sampleResults()).Render()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSave(t *testing.T) {
	folder := t.TempDir()
	page := filepath.Join(folder, "performance.md")
	if err := os.WriteFile(page, []byte("before\n"+tableStart+"old\n"+tableEnd+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := sampleResults()
	for range 2 { // What the second one finds is from the first.
		if err := save(folder, r); err != nil {
			t.Fatal(err)
		}
	}

	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(text); !strings.HasPrefix(got, "before\n"+tableStart) || !strings.HasSuffix(got, tableEnd+"after\n") ||
		strings.Contains(got, "old") || strings.Count(got, "| Start, ms |") != 1 || !strings.Contains(got, "(c) is not measured") {
		t.Errorf("the page is\n%s", got)
	}

	data, err := os.ReadFile(filepath.Join(folder, "performance.json"))
	if err != nil {
		t.Fatal(err)
	}
	var read results
	if err := json.Unmarshal(data, &read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, read); diff != "" {
		t.Errorf("the file has other results (-want +got):\n%s", diff)
	}
	if !bytes.Contains(data, []byte(`"powertools": null`)) {
		t.Error("what was not measured is not null in the file")
	}

	saved, err := os.ReadFile(filepath.Join(folder, "performance.svg"))
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := drawRatios(read)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(saved, drawn) {
		t.Error("the results of the file give another picture")
	}
}

func TestSaveNeedsAPlaceForTheTable(t *testing.T) {
	folder := t.TempDir()
	if err := save(folder, sampleResults()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without the page the error is %v", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "performance.md"), []byte("nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := save(folder, sampleResults()); err == nil || !strings.Contains(err.Error(), "put the lines") {
		t.Errorf("without the place the error is %v", err)
	}
}

func TestPictureSaysWhatTheTableSays(t *testing.T) {
	svg, err := drawRatios(sampleResults())
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if data, ok := token.(xml.CharData); ok && strings.TrimSpace(string(data)) != "" {
			texts = append(texts, strings.TrimSpace(string(data)))
		}
	}
	all := strings.Join(texts, "|")
	for _, want := range []string{"CPU a message", "0.51 (goal: at most 0.65)", "Start", "2.05 (goal: at most 1.80)"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is missing in %s", want, all)
		}
	}
	if strings.Contains(all, "Powertools") {
		t.Errorf("there is a panel for what was not measured: %s", all)
	}
	for _, fill := range []string{"#0072B2", "#D55E00", "#AAAAAA"} { // met, missed, without a goal
		if !bytes.Contains(svg, []byte(fill)) {
			t.Errorf("no bar is %s", fill)
		}
	}
}
