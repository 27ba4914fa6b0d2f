package main

import (
	"fmt"
	"image/color"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// line is a line of the plots: a handler over waves.
type line struct {
	label string
	waves []choice
	color color.Color
	dash  []vg.Length
}

var (
	red    = color.RGBA{R: 0xB0, G: 0x3A, B: 0x2E, A: 0xFF}
	blue   = color.RGBA{R: 0x1F, G: 0x61, B: 0x8D, A: 0xFF}
	grey   = color.Gray{Y: 0xE0}
	dashed = []vg.Length{4, 3}

	lines = []line{
		{"one call a message, two events at once", waves(unthrottled(standard.tutorial())), red, nil},
		{"one call a message, as many events at once as Lambda likes", waves(noMaximum(unthrottled(standard.tutorial()))), red, dashed},
		{"this worker, and a Chime that takes 10 calls a second", waves(standard), blue, nil},
		{"this worker", waves(unthrottled(standard)), blue, dashed},
	}

	// Places on the axes.
	requests = []plot.Tick{
		{Value: 1, Label: "1"}, {Value: 10, Label: "10"}, {Value: 100, Label: "100"}, {Value: 1e3, Label: "1,000"}, {Value: 1e4, Label: "10,000"},
		{Value: 1e5, Label: "100,000"}, {Value: 1e6, Label: "1 million"}, {Value: 1e7, Label: "10 million"},
	}
	seconds = []plot.Tick{
		{Value: 1, Label: "1 s"}, {Value: 10, Label: "10 s"}, {Value: 60, Label: "1 min"}, {Value: 600, Label: "10 min"}, {Value: 3600, Label: "1 h"},
		{Value: 36_000, Label: "10 h"}, {Value: retention.Seconds(), Label: "4 days"},
	}
	amounts = []plot.Tick{
		{Value: 1e-5, Label: "$0.00001"}, {Value: 1e-4, Label: "$0.0001"}, {Value: 1e-3, Label: "$0.001"}, {Value: 0.01, Label: "$0.01"},
		{Value: 0.1, Label: "$0.1"}, {Value: 1, Label: "$1"}, {Value: 10, Label: "$10"},
	}
)

// plots draws the plots of docs/capacity.md, by their names.
func plots(results map[Plan]Result) (map[string]string, error) {
	drain, err := drawn("until everybody is done", seconds, func(p Plan) float64 { return results[p].Drained.Seconds() })
	if err != nil {
		return nil, err
	}
	cost, err := drawn("cost", amounts, func(p Plan) float64 { return p.Bill(results[p]).Total() })
	return map[string]string{"capacity-drain.svg": drain, "capacity-cost.svg": cost}, err
}

// drawn returns a plot of something over the requests, both on logarithmic axes.
func drawn(title string, places []plot.Tick, value func(p Plan) float64) (string, error) {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = "requests at once", title
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.ConstantTicks(requests), plot.ConstantTicks(places)
	p.Legend.Top, p.Legend.Left = true, true
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = grey, grey
	p.Add(grid)
	for _, l := range lines {
		var points plotter.XYs
		for _, c := range l.waves {
			points = append(points, plotter.XY{X: float64(c.plan.Requests), Y: value(c.plan)})
		}
		drawn, err := plotter.NewLine(points)
		if err != nil {
			return "", fmt.Errorf("drawing %q: %w: see that every value is above 0", title, err)
		}
		drawn.Color, drawn.Width, drawn.Dashes = l.color, 1.5, l.dash
		p.Add(drawn)
		p.Legend.Add(l.label, drawn)
	}
	canvas := vgsvg.New(18*vg.Centimeter, 10*vg.Centimeter)
	p.Draw(draw.New(canvas))
	var svg strings.Builder
	if _, err := canvas.WriteTo(&svg); err != nil {
		return "", fmt.Errorf("writing the plot %q: %w", title, err)
	}
	return strings.ReplaceAll(svg.String(), "Liberation Sans", "Liberation Sans,Arial,sans-serif"), nil
}
