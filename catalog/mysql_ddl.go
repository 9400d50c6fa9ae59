package catalog

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals/dialect"
)

// hidden reads from SHOW CREATE TABLE what information_schema keeps from accounts
// that have rights on tables and not on their database: MariaDB shows them
// neither what foreign keys do nor CHECK constraints.
func (m mysql) hidden(ctx context.Context, q dialect.Queryer, t myTable) error {
	unsaid := slices.ContainsFunc(t.ForeignKeys, func(f ForeignKey) bool { return f.OnDelete == "" })
	maybeJSON := m.d.Features().MariaDB && slices.ContainsFunc(t.Columns, isLongText)
	if t.View || (!unsaid && !maybeJSON) {
		return nil
	}
	var lines []string
	s := statement{what: "definition", sql: "SHOW CREATE TABLE " + m.d.Table(t.Name)}
	err := query(ctx, q, s, func(scan scanFunc) error {
		var name, text string
		err := scan(&name, &text)
		lines = strings.Split(text, "\n")
		return err
	})
	if err != nil {
		return fmt.Errorf("read definition of table %s: %w", t.Name, err)
	}
	for i := range t.Columns {
		if c := &t.Columns[i]; maybeJSON && isLongText(*c) && m.checkedJSON(lines, c.Name) {
			c.Kind, c.Base = dialect.KindJSON, "json"
		}
	}
	for i := range t.ForeignKeys {
		f := &t.ForeignKeys[i]
		if f.OnDelete != "" {
			continue
		}
		if f.OnDelete, f.OnUpdate = m.action(lines, f.Name); f.OnDelete == "" {
			return fmt.Errorf("read foreign key %s of table %s: %w", f.Name, t.Name, errUnsaid)
		}
	}
	return nil
}

var errUnsaid = errors.New("its definition does not show what it does on delete")

func isLongText(c dialect.Column) bool {
	return strings.EqualFold(c.Type, "longtext") && c.Kind != dialect.KindJSON
}

// quotings are the ways in which a definition may write a name: they follow
// sql_mode and sql_quote_show_create.
func (m mysql) quotings(name string) []string {
	return []string{m.d.Quote(name), ansiQuote(name), name}
}

// checkedJSON reports whether a column's own line ends with the check that the
// type name JSON brings along.
func (m mysql) checkedJSON(lines []string, column string) bool {
	for _, name := range m.quotings(column) {
		if slices.ContainsFunc(lines, func(line string) bool {
			line = strings.TrimSuffix(strings.TrimSpace(line), ",")
			return strings.HasPrefix(line, name+" longtext") &&
				strings.HasSuffix(line, " CHECK (json_valid("+name+"))")
		}) {
			return true
		}
	}
	return false
}

// myAction is the end of a foreign key's line.
var myAction = regexp.MustCompile(`^(?:.*\))?` +
	`(?: ON DELETE (CASCADE|SET NULL|SET DEFAULT|NO ACTION|RESTRICT))?` +
	`(?: ON UPDATE (CASCADE|SET NULL|SET DEFAULT|NO ACTION|RESTRICT))?,?$`)

// action finds what a foreign key does; what is not said is RESTRICT. Both are
// empty where there is no such line.
func (m mysql) action(lines []string, key string) (onDelete, onUpdate string) {
	for _, line := range lines {
		line = strings.TrimSpace(line)
		for _, name := range m.quotings(key) {
			rest, ok := strings.CutPrefix(line, "CONSTRAINT "+name+" FOREIGN KEY ")
			if !ok {
				continue
			}
			found := myAction.FindStringSubmatch(rest)
			if found == nil {
				return "", ""
			}
			return orRestrict(found[1]), orRestrict(found[2])
		}
	}
	return "", ""
}

func orRestrict(action string) string {
	if action == "" {
		return "RESTRICT"
	}
	return action
}
