package schema

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// Role is a kind of account that needs rights on annals' tables.
type Role string

// The roles.
const (
	// RoleApplication writes entries in its own transactions. It can change nothing
	// that it has written, and read none of the entries; on MySQL and MariaDB it
	// can read the revisions, which INSERT … RETURNING demands. Where triggers write,
	// it needs no right on a table.
	RoleApplication Role = "application"
	// RoleRelay delivers batches, repeated ones included.
	RoleRelay Role = "relay"
	// RoleReader reads.
	RoleReader Role = "reader"
	// RoleRetention reads, marks what it is about to take and deletes it: entries,
	// and the revisions that no entry names any more. It can change nothing.
	RoleRetention Role = "retention"
)

// ParseRole reads a role's name; others give an error that matches
// annals.ErrConfig.
func ParseRole(s string) (Role, error) {
	switch r := Role(s); r {
	case RoleApplication, RoleRelay, RoleReader, RoleRetention:
		return r, nil
	}
	return "", &annals.Error{
		Op: "read", Subject: fmt.Sprintf("role %q", s), Err: annals.ErrConfig,
		Remedy: "use application, relay, reader or retention",
	}
}

// right is a privilege, on some columns only where it names any.
type right struct {
	name    string
	columns []string
}

// grantor is how a database names accounts and what they need beyond tables.
type grantor interface {
	// grantee quotes an account; ok is false where there are no accounts.
	grantee(name string) (quoted string, ok bool)
	// onSchema is the right to enter a schema; "" where there is none.
	onSchema(schema, to string) string
	// onSequence is the right to draw numbers.
	onSequence(to string) string
	// fitting widens a right where the database asks for more than is used.
	fitting(r right) right
	// routines are the kind and names of the routines of a mirror that bind a context, as
	// far as they are there and not everybody's.
	routines(ctx context.Context, q dialect.Queryer) (kind string, names []string, err error)
}

// Grants returns, for every storage, the statements that give accounts the least
// rights of their roles on annals' tables as configured. Run again, they change
// nothing. The tables have to exist when they are executed. On PostgreSQL a name
// is a role; on MySQL and MariaDB "user", "user@host" or a role. SQLite has no
// accounts: the error matches annals.ErrConfig.
func (m *Manager) Grants(ctx context.Context, accounts map[Role]string) ([]Plan, error) {
	var plans []Plan
	for i := range m.targets {
		t := &m.targets[i]
		if t.Source {
			continue // its tables are somebody else's
		}
		p := &planner{target: t, q: t.DB, d: t.Dialect, f: flavourFor(t.Dialect)}
		for _, role := range slices.Sorted(maps.Keys(accounts)) {
			if _, err := ParseRole(string(role)); err != nil {
				return nil, err
			}
			if err := p.grant(ctx, role, accounts[role]); err != nil {
				return nil, err
			}
		}
		plans = append(plans, Plan{Storage: t.Name, Statements: p.statements})
	}
	return plans, nil
}

func (p *planner) grant(ctx context.Context, role Role, account string) error {
	to, ok := p.f.grantee(account)
	if !ok || account == "" || nameProblem(account) != "" {
		e := &annals.Error{
			Op: "grant", Subject: fmt.Sprintf("role %s in %s", role, p.target.subject()),
			Err: annals.ErrConfig, Remedy: "name an account",
		}
		if !ok {
			e.Remedy = "SQLite has no accounts; protect the file by the system's permissions"
		}
		return e
	}
	if err := p.look(ctx); err != nil {
		return err
	}
	tables := p.tables
	if role == RoleReader || role == RoleRetention {
		former, err := p.formerTables(ctx)
		if err != nil {
			return explain(p.target, "read tables of", p.target.subject(), err)
		}
		tables = append(slices.Clone(tables), former...)
	}
	var schemas []string
	for _, w := range tables {
		schemas = append(schemas, p.schemaOf(w.shape.Name))
	}
	slices.Sort(schemas)
	comment := fmt.Sprintf("%s for %s", role, account)
	for _, s := range slices.Compact(schemas) {
		if sql := p.f.onSchema(s, to); sql != "" {
			p.add(comment, sql)
		}
	}
	if role == RoleApplication && p.d.Features().Sequences && !p.target.Mirror {
		p.add(comment, p.f.onSequence(to))
	}
	if role == RoleApplication && p.target.Mirror {
		kind, names, err := p.f.routines(ctx, p.q)
		if err != nil {
			return explain(p.target, "read routines of", p.target.subject(), err)
		}
		for _, name := range names {
			p.add(comment, "GRANT EXECUTE ON "+kind+" "+p.d.Quote(name)+" TO "+to)
		}
	}
	for i := range tables {
		w := &tables[i]
		rights := rightsOn(role, w)
		if p.target.Mirror {
			rights = mirrorRights(role, w)
		}
		if len(rights) > 0 {
			p.add(comment, "GRANT "+p.rightsSQL(rights)+" ON "+
				p.d.Table(w.shape.Name)+" TO "+to)
		}
	}
	return nil
}

// formerTables are audit tables of entities that are no longer configured: their
// entries stay readable, and grow old.
func (p *planner) formerTables(ctx context.Context) ([]wanted, error) {
	var former []wanted
	for _, r := range p.registry {
		key := p.key(r.table)
		if slices.ContainsFunc(p.tables, func(w wanted) bool { return w.key == key }) {
			continue
		}
		gone, err := p.isGone(ctx, r.table)
		if err != nil {
			return nil, err
		}
		if gone {
			continue
		}
		e := &EntityTable{Entity: annals.Entity{Name: r.name, Source: r.source}, Audit: r.table}
		former = append(former, wanted{
			shape: layout.Entries(r.table, p.target.Indexes, p.d.Limits()), entity: e, key: key,
		})
	}
	return former, nil
}

// rightsOn is what a role needs on a table.
func rightsOn(role Role, w *wanted) []right {
	read := []right{{name: "SELECT"}}
	switch {
	case w.shape.Name.Name == layout.AuditEntityTable && w.entity == nil:
		return read
	case w.shape.Name.Name == layout.SequenceName && w.entity == nil:
		if role == RoleApplication { // draws tickets and clears them away
			return []right{{name: "SELECT"}, {name: "INSERT"}, {name: "DELETE"}}
		}
		return nil
	case w.shape.Name.Name == layout.CleanTable && w.entity == nil:
		return markRights(role)
	case role == RoleApplication:
		return applicationRights(w)
	case role == RoleRelay:
		return relayRights(w)
	case role == RoleRetention:
		return append(read, right{name: "DELETE"})
	}
	return read
}

// mirrorRights: the triggers that fill a mirror have the rights of their owner, so
// that the application needs none; see routines.
func mirrorRights(role Role, w *wanted) []right {
	filled := w.entity != nil || w.shape.Name.Name == layout.RevisionTable ||
		w.shape.Name.Name == layout.RevisionEntityTable
	switch {
	case role == RoleApplication:
		return nil
	case w.entity == nil && w.shape.Name.Name == layout.CleanTable:
		return markRights(role)
	case filled && role == RoleRelay:
		return []right{{name: "SELECT"}, {name: "INSERT"}}
	case filled && role == RoleRetention:
		return []right{{name: "SELECT"}, {name: "DELETE"}}
	}
	return []right{{name: "SELECT"}}
}

// markRights: what retention took is told to readers, and set by retention alone.
func markRights(role Role) []right {
	switch role {
	case RoleRetention:
		return []right{{name: "SELECT"}, {name: "INSERT"}}
	case RoleReader:
		return []right{{name: "SELECT"}}
	default:
		return nil
	}
}

// applicationRights: the id of a new revision is read back.
func applicationRights(w *wanted) []right {
	rights := []right{{name: "INSERT"}}
	if w.entity == nil && w.shape.Name.Name == layout.RevisionTable {
		rights = append(rights, right{name: "SELECT", columns: []string{layout.ColID}})
	}
	return rights
}

// relayRights: a later batch of the same revision adds to its receipts.
func relayRights(w *wanted) []right {
	rights := []right{{name: "SELECT"}, {name: "INSERT"}}
	if w.entity == nil && w.shape.Name.Name == layout.RevisionEntityTable {
		rights = append(rights, right{name: "UPDATE", columns: []string{layout.ColEntries}})
	}
	return rights
}

func (p *planner) rightsSQL(rights []right) string {
	parts := make([]string, len(rights))
	for i, r := range rights {
		r = p.f.fitting(r)
		parts[i] = r.name
		if len(r.columns) > 0 {
			parts[i] += " (" + quoteAll(p.d, r.columns) + ")"
		}
	}
	return strings.Join(parts, ", ")
}

func (f postgresFlavour) grantee(name string) (string, bool) { return f.d.Quote(name), true }

func (f postgresFlavour) onSchema(schema, to string) string {
	return "GRANT USAGE ON SCHEMA " + f.d.Quote(schema) + " TO " + to
}

func (f postgresFlavour) onSequence(to string) string {
	return "GRANT USAGE ON SEQUENCE " + f.d.Table(layout.Seq().Name) + " TO " + to
}

func (postgresFlavour) fitting(r right) right { return r }

// grantee: without a host the server takes a role of that name, else 'name'@'%'.
func (f mysqlFlavour) grantee(name string) (string, bool) {
	i := strings.LastIndexByte(name, '@')
	if i < 0 {
		return f.d.Quote(name), true
	}
	return f.d.Quote(name[:i]) + "@" + f.d.Quote(name[i+1:]), true
}

func (mysqlFlavour) onSchema(string, string) string { return "" }

// onSequence is MariaDB's: drawing a number counts as INSERT and SELECT. There is no
// narrower right, and this one also allows to set the sequence, back as well (SETVAL,
// INSERT). Numbers that repeat then fail on the unique key of their table, or are out
// of order: docs/formats/revisions.md.
func (f mysqlFlavour) onSequence(to string) string {
	return "GRANT SELECT, INSERT ON " + f.d.Table(layout.Seq().Name) + " TO " + to
}

// fitting: MariaDB checks INSERT … RETURNING and ON DUPLICATE KEY UPDATE against
// all columns that are inserted, whatever is returned or updated.
func (mysqlFlavour) fitting(r right) right { return right{name: r.name} }

// routines: on PostgreSQL they are everybody's.
func (postgresFlavour) routines(context.Context, dialect.Queryer) (string, []string, error) {
	return "", nil, nil
}

// routines are made by trigger create, which cannot know whose accounts call them.
func (mysqlFlavour) routines(ctx context.Context, q dialect.Queryer) (string, []string, error) {
	const query = "SELECT GROUP_CONCAT(routine_name ORDER BY routine_name) FROM information_schema.routines" +
		" WHERE routine_schema = DATABASE() AND routine_type = 'PROCEDURE'" +
		" AND routine_name IN ('annals_bind', 'annals_context', 'annals_unbind')"
	var names sql.NullString
	if err := one(ctx, q, query, &names); err != nil || !names.Valid {
		return "", nil, err
	}
	return "PROCEDURE", strings.Split(names.String, ","), nil
}

func (sqliteFlavour) routines(context.Context, dialect.Queryer) (string, []string, error) {
	return "", nil, nil
}

func (sqliteFlavour) grantee(string) (string, bool)  { return "", false }
func (sqliteFlavour) onSchema(string, string) string { return "" }
func (sqliteFlavour) onSequence(string) string       { return "" }
func (sqliteFlavour) fitting(r right) right          { return r }
