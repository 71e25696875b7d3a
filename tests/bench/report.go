package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
)

// report collects what was measured.
type report struct {
	pairs   []pairs
	figures []figure
}

// figure is a measurement that is no ratio.
type figure struct {
	what, value, bar string
	kept             bool
}

func (r *report) add(f figure) { r.figures = append(r.figures, f) }

func (r *report) passed() bool {
	return !slices.ContainsFunc(r.pairs, func(p pairs) bool { return !p.kept() }) &&
		!slices.ContainsFunc(r.figures, func(f figure) bool { return !f.kept })
}

func (r *report) print(w io.Writer) error {
	ratios := table.NewWriter()
	ratios.AppendHeader(table.Row{"ratio", "flakeops", "rival", "min", "median", "max", "bar", ""})
	for _, p := range r.pairs {
		bar := ""
		if p.bar > 0 {
			bar = fmt.Sprintf("<= %.2f", p.bar)
		}
		ratios.AppendRow(table.Row{p.what, seconds(median(p.first)), seconds(median(p.second)),
			ratio(slices.Min(p.ratios)), ratio(median(p.ratios)), ratio(slices.Max(p.ratios)), bar, verdict(bar, p.kept())})
	}
	figures := table.NewWriter()
	figures.AppendHeader(table.Row{"figure", "measured", "bar", ""})
	for _, f := range r.figures {
		figures.AppendRow(table.Row{f.what, f.value, f.bar, verdict(f.bar, f.kept)})
	}
	_, err := fmt.Fprintf(w, "%s\nMedian times, and ratios of the pairs that followed each other.\n\n%s\n", ratios.Render(), figures.Render())
	return err
}

func verdict(bar string, kept bool) string {
	switch {
	case bar == "":
		return ""
	case kept:
		return "pass"
	}
	return "MISS"
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func ratio(r float64) string { return fmt.Sprintf("%.2f", r) }

// median is the middle of an odd number of values, and the lower of the two in
// the middle of an even number.
func median[T cmp.Ordered](values []T) T {
	return slices.Sorted(slices.Values(values))[(len(values)-1)/2]
}
