package annalscmd

import (
	prettytable "github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/seed-162b1470/annals/annalscmd/internal/term"
)

// grid is a table for people. Its cells are made safe for terminals.
type grid struct {
	app    *app
	writer prettytable.Writer
}

func (a *app) table(titles ...string) *grid {
	w := prettytable.NewWriter()
	style := prettytable.StyleLight
	style.Format.Header = text.FormatDefault
	w.SetStyle(style)
	w.SuppressTrailingSpaces()
	row := make(prettytable.Row, len(titles))
	for i, t := range titles {
		row[i] = a.style().Bold(t)
	}
	w.AppendHeader(row)
	return &grid{app: a, writer: w}
}

// row adds a row of data.
func (g *grid) row(cells ...string) {
	row := make(prettytable.Row, len(cells))
	for i, c := range cells {
		row[i] = term.Safe(c)
	}
	g.writer.AppendRow(row)
}

// paintedRow adds a row of cells that are safe already.
func (g *grid) paintedRow(cells ...string) {
	row := make(prettytable.Row, len(cells))
	for i, c := range cells {
		row[i] = c
	}
	g.writer.AppendRow(row)
}

func (g *grid) print() error { return g.app.print(g.writer.Render() + "\n") }

// wide wraps long texts in the columns of these numbers, from 1.
func (g *grid) wide(columns ...int) {
	configs := make([]prettytable.ColumnConfig, len(columns))
	for i, n := range columns {
		configs[i] = prettytable.ColumnConfig{
			Number: n, WidthMax: 48, WidthMaxEnforcer: text.WrapText,
		}
	}
	g.writer.SetColumnConfigs(configs)
}

// separate draws a line before the next row, but not before the first.
func (g *grid) separate() {
	if g.writer.Length() > 0 {
		g.writer.AppendSeparator()
	}
}
