package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// newTable returns the table of the results: a line for each figure, and one more for each further goal that it has.
func newTable(r results) table.Writer {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	var columns []table.ColumnConfig
	for column := 2; column <= 6; column++ {
		columns = append(columns, table.ColumnConfig{Number: column, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(columns)
	t.AppendHeader(table.Row{"", "Worker", "(a) typed", "(b) per call", "(c) Powertools", "Ratio", "Goal", "Met"})
	for _, f := range r.Figures {
		row := table.Row{strings.TrimSuffix(f.Name+", "+f.Unit, ", ")}
		for _, name := range all {
			row = append(row, value(f.Values[name]))
		}
		for _, g := range f.Goals {
			t.AppendRow(append(row, ratio(g.Ratio), g.Text, verdict(g)))
			row = table.Row{"", "", "", "", ""}
		}
	}
	return t
}

func value(s *spread) string {
	if s == nil {
		return "–"
	}
	return threeDigits(s.Median)
}

func ratio(s *spread) string {
	if s == nil {
		return "–"
	}
	if s.Low == s.High {
		return threeDigits(s.Median)
	}
	return fmt.Sprintf("%s (%s to %s)", threeDigits(s.Median), threeDigits(s.Low), threeDigits(s.High))
}

func verdict(g comparison) string {
	switch {
	case g.Bound == 0:
		return ""
	case g.Ratio == nil:
		return "not measured"
	case g.Met:
		return "yes"
	default:
		return "NO"
	}
}

// threeDigits writes a number with three digits, or all of those before its point.
func threeDigits(value float64) string {
	switch {
	case value >= 100, value == float64(int(value)):
		return fmt.Sprintf("%.0f", value)
	case value >= 10:
		return fmt.Sprintf("%.1f", value)
	default:
		return fmt.Sprintf("%.2f", value)
	}
}

// These stand around the table in the page about performance.
const (
	tableStart = "<!-- make bench writes what follows -->\n"
	tableEnd   = "<!-- make bench writes what precedes -->\n"
)

// save writes the results, their picture, and their table into the page about them.
func save(folder string, r results) error {
	page := filepath.Join(folder, "performance.md")
	text, err := os.ReadFile(page)
	if err != nil {
		return fmt.Errorf("reading the page about performance: %w", err)
	}
	before, rest, hasStart := bytes.Cut(text, []byte(tableStart))
	_, after, hasEnd := bytes.Cut(rest, []byte(tableEnd))
	if !hasStart || !hasEnd {
		return fmt.Errorf("%s has no place for the table: put the lines %q and %q in it", page, tableStart, tableEnd)
	}
	text = slices.Concat(before, []byte(tableStart), []byte(markdown(r)), []byte(tableEnd), after)
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	picture, err := drawRatios(r)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(page, text, 0o600), //nolint:gosec // It was read before.
		os.WriteFile(filepath.Join(folder, "performance.json"), append(data, '\n'), 0o600),
		os.WriteFile(filepath.Join(folder, "performance.svg"), picture, 0o600),
	)
}

// markdown is the table, with how it came about.
func markdown(r results) string {
	node := "Node.js " + r.Node
	if r.Node == "" {
		node = "no Node.js, so that (c) is not measured"
	}
	return fmt.Sprintf("\n%s\n\nMeasured on %s: %d rounds, %s, %s, %s. In brackets are the quartiles.\n\n",
		newTable(r).RenderMarkdown(), r.Date, r.Rounds, r.Machine, r.Go, node)
}
