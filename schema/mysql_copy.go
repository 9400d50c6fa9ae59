package schema

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

const (
	// myRowBytes is the most that a row's columns may have together, those that are
	// kept outside of the row not counted; some of it is left for what is not
	// estimated.
	myRowBytes = 65535 - 535
	// myKeyBytes is the most that an index may have; likewise.
	myKeyBytes = 3072 - 72
	// myPrefix is how many characters of a text without limit are indexed.
	myPrefix = 191
)

// drawsCopies: receipts number themselves.
func (mysqlFlavour) drawsCopies() bool { return false }

// widen fails rather than writing the table anew.
func (f mysqlFlavour) widen(t annals.Table, c layout.Column, live liveColumn) (string, bool) {
	return "ALTER TABLE " + f.d.Table(t) + " MODIFY " + f.d.Quote(c.Name) + " " + f.columnType(c) +
		", ALGORITHM=INPLACE, LOCK=NONE", grows(f.d, c, live.myType())
}

// myType is the type with its character set.
func (l liveColumn) myType() string {
	text := l.declared
	if l.charset != "" {
		text += " CHARACTER SET " + l.charset
	}
	if l.collation != "" {
		text += " COLLATE " + l.collation
	}
	return text
}

// longFor reports whether a live text without limit stands in for one that a row has
// no room for.
func (l liveColumn) longFor(d dialect.Dialect, c layout.Column) bool {
	m := mySized.FindStringSubmatch(c.SQL)
	if m == nil || !strings.EqualFold(m[1], "varchar") || !isLong(l) {
		return false
	}
	return dialect.SameType(d, l.kind+c.SQL[len(m[0]):], l.myType())
}

// isJSON: MariaDB's JSON is another word for LONGTEXT.
func (f mysqlFlavour) isJSON(c layout.Column, live liveColumn) bool {
	return f.d.Features().MariaDB && live.kind == "longtext" &&
		strings.EqualFold(strings.TrimSpace(c.SQL), "json")
}

// mySized takes apart a type of characters or bytes with a length.
var mySized = regexp.MustCompile(`(?i)^\s*(varchar|char|varbinary|binary)\s*\(\s*(\d+)\s*\)`)

// myUnsized begins types that are indexed by their beginning alone.
var myUnsized = regexp.MustCompile(`(?i)^\s*(tiny|medium|long)?(text|blob|json)\b`)

// mySize is how much a column takes in a row and in an index: so many characters of
// so many bytes. Zero characters mean no limit; others than texts have one.
func mySize(c layout.Column) (chars, width int) {
	switch c.Type {
	case layout.VarChar:
		return c.Size, 4
	case layout.Text, layout.JSON:
		return 0, 4
	case layout.Raw:
	default:
		return 1, 8
	}
	if m := mySized.FindStringSubmatch(c.SQL); m != nil {
		n, _ := strconv.Atoi(m[2])
		return n, myWidth(m[1], c.SQL)
	}
	if m := myUnsized.FindStringSubmatch(c.SQL); m != nil {
		return 0, myWidth(m[2], c.SQL)
	}
	return 1, 32 // a decimal has no more
}

var myCharset = regexp.MustCompile(`(?i)CHARACTER SET (\w+)`)

// myWidth is the most bytes of a character.
func myWidth(kind, sql string) int {
	if slices.Contains([]string{"varbinary", "binary", "blob"}, strings.ToLower(kind)) {
		return 1
	}
	m := myCharset.FindStringSubmatch(sql)
	if m == nil {
		return 4
	}
	return dialect.CharsetWidth(m[1])
}

// room keeps the longest texts outside of the row where it would be too long: that of
// the audited table may be full, and a copy's has more columns.
func (f mysqlFlavour) room(t layout.Table) layout.Table {
	total := 0
	size := func(c layout.Column) int {
		chars, width := mySize(c)
		if chars == 0 {
			return 12
		}
		return chars*width + 2
	}
	for _, c := range t.Columns {
		total += size(c)
	}
	if total <= myRowBytes {
		return t
	}
	t.Columns = slices.Clone(t.Columns)
	for total > myRowBytes {
		longest := -1
		for i, c := range t.Columns {
			m := mySized.FindStringSubmatch(c.SQL)
			if c.Type == layout.Raw && m != nil && strings.EqualFold(m[1], "varchar") &&
				(longest < 0 || size(c) > size(t.Columns[longest])) {
				longest = i
			}
		}
		if longest < 0 {
			break // the database will say what it has no room for
		}
		c := &t.Columns[longest]
		total -= size(*c)
		c.SQL = "mediumtext" + c.SQL[len(mySized.FindString(c.SQL)):]
		total += size(*c)
	}
	return t
}

// indexable: a text without limit is indexed by its beginning, and so are texts that
// do not fit into an index together.
func (f mysqlFlavour) indexable(t *layout.Table, i layout.Index) layout.Index {
	total, fixed, texts, unlimited := 0, 0, 0, false
	sizes := make([][2]int, len(i.Columns))
	for n, name := range i.Columns {
		c, _ := t.Column(name)
		chars, width := mySize(c)
		sizes[n] = [2]int{chars, width}
		total += chars * width
		if c.Type != layout.Raw || chars == 1 {
			fixed += chars * width
			sizes[n] = [2]int{}
			continue
		}
		texts++
		unlimited = unlimited || chars == 0
	}
	if texts == 0 || !unlimited && total <= myKeyBytes {
		return i
	}
	share := (myKeyBytes - fixed) / texts
	i.Prefix = make([]int, len(i.Columns))
	for n, s := range sizes {
		chars, width := s[0], s[1]
		if width == 0 {
			continue
		}
		most := share / width
		switch {
		case chars == 0:
			i.Prefix[n] = min(most, myPrefix)
		case chars > most:
			i.Prefix[n] = most
		}
	}
	return i
}
