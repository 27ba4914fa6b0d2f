package main

import (
	"bytes"
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Colours that everybody can tell apart (https://jfly.uni-koeln.de/color/).
var (
	met     = color.RGBA{R: 0, G: 114, B: 178, A: 255}
	missed  = color.RGBA{R: 213, G: 94, B: 0, A: 255}
	without = color.RGBA{R: 170, G: 170, B: 170, A: 255} // a goal
)

const (
	pictureWidth = 22 * vg.Centimeter
	barDistance  = 0.8 * vg.Centimeter
	barWidth     = 0.5 * vg.Centimeter
	panelFrame   = 2.5 * vg.Centimeter // the height of its title and axis
	margin       = 0.3 * vg.Centimeter
)

// drawRatios draws the ratios to the yardsticks as an SVG: a panel for each yardstick, with a bar for each figure.
func drawRatios(r results) ([]byte, error) {
	panels := []struct {
		yardstick, title, axis string
	}{
		{typed, "The worker beside a handler that decodes the event and does nothing", "share of what that one takes"},
		{powertools, "The worker beside Powertools for TypeScript", "how often it goes into what that takes"},
	}
	var plots []*plot.Plot
	var heights []vg.Length
	for _, panel := range panels {
		b := barsOf(r, panel.yardstick)
		if len(b) == 0 {
			continue
		}
		p := plot.New()
		p.Title.Text, p.X.Label.Text = panel.title, panel.axis
		p.Add(b)
		p.NominalY(b.names()...)
		p.X.Min, p.Y.Min, p.Y.Max = 0, -0.6, float64(len(b))-0.4
		for _, style := range []*draw.TextStyle{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
			style.Font.Variant = "Sans"
		}
		plots = append(plots, p)
		heights = append(heights, panelFrame+barDistance*vg.Length(len(b)))
	}
	return render(plots, heights)
}

// render draws plots below each other.
func render(plots []*plot.Plot, heights []vg.Length) ([]byte, error) {
	var height vg.Length
	for _, h := range heights {
		height += h
	}
	canvas := vgsvg.New(pictureWidth, height)
	whole := draw.New(canvas)
	whole.FillPolygon(color.White, []vg.Point{{}, {X: pictureWidth}, {X: pictureWidth, Y: height}, {Y: height}})
	top := height
	for i, p := range plots {
		tile := draw.Crop(whole, margin, -margin, top-heights[i]+margin, top-height-margin)
		top -= heights[i]
		p.Draw(tile)
	}
	var svg bytes.Buffer
	if _, err := canvas.WriteTo(&svg); err != nil {
		return nil, fmt.Errorf("drawing the results: %w", err)
	}
	// Where a viewer has no Liberation Sans, Arial is as wide.
	return bytes.ReplaceAll(svg.Bytes(), []byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;")), nil
}

// bars are the ratios to one yardstick.
type bars []bar

type bar struct {
	name string
	comparison
}

func barsOf(r results, yardstick string) bars {
	var found bars
	for _, f := range r.Figures {
		for _, g := range f.Goals {
			if g.Against == yardstick && g.Ratio != nil {
				found = append(found, bar{f.Name, g})
			}
		}
	}
	return found
}

// names are in the order of the axis, which grows upwards.
func (b bars) names() []string {
	names := make([]string, len(b))
	for i := range b {
		names[len(b)-1-i] = b[i].name
	}
	return names
}

// DataRange leaves room for the text behind the longest bar.
func (b bars) DataRange() (xmin, xmax, ymin, ymax float64) {
	for _, bar := range b {
		xmax = max(xmax, 1.45*bar.Ratio.High, 1.45*bar.Bound)
	}
	return 0, xmax, 0, float64(len(b) - 1)
}

// Plot draws each ratio with its quartiles, its goal, and both in words.
func (b bars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	words := p.Y.Tick.Label
	words.XAlign, words.YAlign = draw.XLeft, draw.YCenter
	thin := draw.LineStyle{Color: color.Black, Width: vg.Points(0.75)}
	thick := draw.LineStyle{Color: color.Black, Width: vg.Points(2.5)}
	for i, bar := range b {
		at, half := y(float64(len(b)-1-i)), barWidth/2
		c.FillPolygon(bar.colour(), []vg.Point{
			{X: x(0), Y: at - half},
			{X: x(bar.Ratio.Median), Y: at - half},
			{X: x(bar.Ratio.Median), Y: at + half},
			{X: x(0), Y: at + half},
		})
		c.StrokeLine2(thin, x(bar.Ratio.Low), at, x(bar.Ratio.High), at)
		if bar.Bound > 0 {
			c.StrokeLine2(thick, x(bar.Bound), at-half*1.3, x(bar.Bound), at+half*1.3)
		}
		end := max(x(bar.Ratio.High), x(bar.Bound)) + 0.2*vg.Centimeter
		c.FillText(words, vg.Point{X: end, Y: at}, bar.words())
	}
}

func (b bar) colour() color.Color {
	switch {
	case b.Bound == 0:
		return without
	case b.Met:
		return met
	default:
		return missed
	}
}

func (b bar) words() string {
	text := threeDigits(b.Ratio.Median)
	switch {
	case b.Bound == 0:
		return text
	case b.AtLeast:
		return fmt.Sprintf("%s (goal: at least %s)", text, threeDigits(b.Bound))
	default:
		return fmt.Sprintf("%s (goal: at most %s)", text, threeDigits(b.Bound))
	}
}
