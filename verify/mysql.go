package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/layout"
)

// mysql looks at a source on MySQL or MariaDB. Every column of information_schema has an
// alias: MySQL 8 returns its headings in capitals.
type mysql struct{ *looker }

func mysqlChecks(e *looker) []func(context.Context) error {
	m := mysql{e}
	return []func(context.Context) error{
		m.definers, m.cascades, m.removers, m.engines, m.binlog, m.statements, m.schemaChanges,
	}
}

// definers: a trigger whose definer is gone, or lacks a right, makes the write fail.
func (m mysql) definers(ctx context.Context) error {
	live, err := m.Journal.Journal.Installed(ctx)
	if told(err) {
		return nil
	}
	if err != nil {
		return err
	}
	by := map[string][]journal.Installed{}
	var definers []string
	for _, l := range live {
		if by[l.Definer] == nil {
			definers = append(definers, l.Definer)
		}
		by[l.Definer] = append(by[l.Definer], l)
	}
	for _, definer := range definers {
		if err := m.definer(ctx, definer, by[definer]); err != nil {
			return err
		}
	}
	return nil
}

const myUsers = `SELECT COUNT(*) AS n FROM mysql.user WHERE CONCAT(User, '@', Host) = ?`

func (m mysql) definer(ctx context.Context, definer string, of []journal.Installed) error {
	there := true
	err := each(ctx, m.DB, "accounts", myUsers, []any{definer}, func(scan func(...any) error) error {
		return scan(&there)
	})
	if err != nil && m.Dialect.Classify(err) == dialect.ClassAccess {
		return nil // who may not look cannot tell
	}
	if err != nil {
		return err
	}
	grantee := myGrantee(definer)
	if !there {
		m.add(Error, "", KindDefinerMissing, fmt.Sprintf(
			"triggers run as %s, an account that is not there: writes of audited tables fail", grantee),
			"CREATE USER "+grantee+" ACCOUNT LOCK; "+strings.Join(m.grants(grantee, of), "; "))
		return nil
	}
	var lacking []string
	for _, n := range m.needs(of) {
		has, err := m.has(ctx, grantee, n)
		if err != nil {
			return err
		}
		if !has {
			lacking = append(lacking, "GRANT "+n.privilege+" ON "+m.Dialect.Table(n.table)+" TO "+grantee)
		}
	}
	if len(lacking) > 0 {
		m.add(Error, "", KindOwnerRights, fmt.Sprintf(
			"triggers run as %s, which lacks rights: writes of audited tables fail", grantee),
			strings.Join(lacking, "; "))
	}
	return nil
}

// myGrantee is an account as information_schema and GRANT write it.
func myGrantee(account string) string {
	at := strings.LastIndexByte(account, '@')
	if at < 0 {
		return account
	}
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	return quote(account[:at]) + "@" + quote(account[at+1:])
}

// need is a right on a table.
type need struct {
	table     annals.Table
	privilege string
}

func (m mysql) needs(of []journal.Installed) []need {
	revision, receipt := m.own(layout.RevisionTable), m.own(layout.RevisionEntityTable)
	needs := []need{
		{revision, "SELECT"},
		{revision, "INSERT"},
		{receipt, "INSERT"},
	}
	for i := range m.targets {
		t := &m.targets[i]
		if slices.ContainsFunc(of, func(l journal.Installed) bool { return l.Target == t.Name }) {
			needs = append(needs, need{t.Copy, "INSERT"}, need{t.Source, "TRIGGER"}, need{t.Source, "SELECT"})
		}
	}
	return needs
}

func (m mysql) grants(grantee string, of []journal.Installed) []string {
	var out []string
	for _, n := range m.needs(of) {
		out = append(out, "GRANT "+n.privilege+" ON "+m.Dialect.Table(n.table)+" TO "+grantee)
	}
	return out
}

const myHas = `
SELECT COUNT(*) AS n FROM (
  SELECT 1 AS one FROM information_schema.USER_PRIVILEGES WHERE GRANTEE = ? AND PRIVILEGE_TYPE = ?
  UNION ALL SELECT 1 FROM information_schema.SCHEMA_PRIVILEGES
    WHERE GRANTEE = ? AND PRIVILEGE_TYPE = ? AND ? LIKE TABLE_SCHEMA
  UNION ALL SELECT 1 FROM information_schema.TABLE_PRIVILEGES
    WHERE GRANTEE = ? AND PRIVILEGE_TYPE = ? AND TABLE_SCHEMA = ? AND TABLE_NAME = ?) p`

// has reports whether an account has a right, by itself; rights by roles are not seen,
// but they do not hold for definers either.
func (m mysql) has(ctx context.Context, grantee string, n need) (found bool, err error) {
	err = each(ctx, m.DB, "rights of "+grantee, myHas, []any{
		grantee, n.privilege, grantee, n.privilege, n.table.Schema,
		grantee, n.privilege, n.table.Schema, n.table.Name,
	}, func(scan func(...any) error) error {
		var rows int
		err := scan(&rows)
		found = rows > 0
		return err
	})
	return found, err
}

// cascades: InnoDB changes children without their triggers.
func (m mysql) cascades(ctx context.Context) error {
	on, err := m.cascadeTriggers(ctx)
	if err != nil || on {
		return err
	}
	for i := range m.targets {
		t := &m.targets[i]
		for j := range t.Table.Live.ForeignKeys {
			if err := m.cascade(ctx, t, &t.Table.Live.ForeignKeys[j]); err != nil {
				return err
			}
		}
	}
	return nil
}

// cascadeTriggers asks whether the server fires triggers for cascades (MySQL 9.7).
func (m mysql) cascadeTriggers(ctx context.Context) (on bool, err error) {
	err = each(ctx, m.DB, "settings", "SHOW GLOBAL VARIABLES LIKE 'enable_cascade_triggers'", nil,
		func(scan func(...any) error) error {
			var name, value string
			err := scan(&name, &value)
			on = strings.EqualFold(value, "ON")
			return err
		})
	return on, err
}

func (m mysql) cascade(ctx context.Context, t *journal.Target, f *catalog.ForeignKey) error {
	parent := f.References
	if parent.Schema == "" {
		parent.Schema = t.Source.Schema
	}
	acts := func(action string) bool { return action == "CASCADE" || action == "SET NULL" }
	restrict := func(onDelete, onUpdate string) string {
		return m.restrict(t, f, parent, onDelete, onUpdate)
	}
	if acts(f.OnUpdate) {
		m.add(Error, t.Name, KindCascade, fmt.Sprintf(
			"foreign key %s: ON UPDATE %s changes rows of %s without their triggers", f.Name, f.OnUpdate, t.Source),
			restrict(f.OnDelete, "RESTRICT"))
	}
	if !acts(f.OnDelete) {
		return nil
	}
	trigger := m.parentTrigger(t, f)
	there, err := m.hasTrigger(ctx, parent, trigger)
	if err != nil || there {
		return err
	}
	remedy := restrict("RESTRICT", f.OnUpdate)
	if parent != t.Source { // a trigger may not change the table that it is on
		remedy = m.deleteChildren(t, f, parent, trigger) + "; or " + remedy
	}
	m.add(Error, t.Name, KindCascade, fmt.Sprintf(
		"foreign key %s: ON DELETE %s changes rows of %s without their triggers", f.Name, f.OnDelete, t.Source),
		remedy)
	return nil
}

// parentTrigger is the name of the trigger that stands in for a cascade.
func (m mysql) parentTrigger(t *journal.Target, f *catalog.ForeignKey) string {
	sum := sha256.Sum256([]byte(t.Source.String() + "\x00" + f.Name + "\x00" + f.OnDelete))
	return "annals_cascade_" + hex.EncodeToString(sum[:6])
}

const myTrigger = `
SELECT COUNT(*) AS n FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = ?
AND EVENT_OBJECT_TABLE = ? AND TRIGGER_NAME = ? AND EVENT_MANIPULATION = 'DELETE'`

func (m mysql) hasTrigger(ctx context.Context, table annals.Table, name string) (found bool, err error) {
	err = each(ctx, m.DB, "triggers", myTrigger, []any{table.Schema, table.Name, name},
		func(scan func(...any) error) error {
			var n int
			err := scan(&n)
			found = n > 0
			return err
		})
	return found, err
}

// deleteChildren is the trigger that does what the cascade would, so that the children's
// triggers fire.
func (m mysql) deleteChildren(
	t *journal.Target, f *catalog.ForeignKey, parent annals.Table, name string,
) string {
	q := m.Dialect.Quote
	where, null := make([]string, len(f.Columns)), make([]string, len(f.Columns))
	for i, c := range f.Columns {
		where[i] = q(c) + " = OLD." + q(f.ReferencedColumns[i])
		null[i] = q(c) + " = NULL"
	}
	body := "DELETE FROM " + m.Dialect.Table(t.Source)
	if f.OnDelete == "SET NULL" {
		body = "UPDATE " + m.Dialect.Table(t.Source) + " SET " + strings.Join(null, ", ")
	}
	return "CREATE TRIGGER " + m.Dialect.Table(annals.Table{Schema: parent.Schema, Name: name}) +
		" BEFORE DELETE ON " + m.Dialect.Table(parent) + " FOR EACH ROW " + body +
		" WHERE " + strings.Join(where, " AND ")
}

// restrict makes the foreign key anew with other actions.
func (m mysql) restrict(
	t *journal.Target, f *catalog.ForeignKey, parent annals.Table, onDelete, onUpdate string,
) string {
	q := m.Dialect.Quote
	list := func(names []string) string {
		quoted := make([]string, len(names))
		for i, n := range names {
			quoted[i] = q(n)
		}
		return strings.Join(quoted, ", ")
	}
	table := m.Dialect.Table(t.Source)
	return "ALTER TABLE " + table + " DROP FOREIGN KEY " + q(f.Name) + "; ALTER TABLE " + table +
		" ADD CONSTRAINT " + q(f.Name) + " FOREIGN KEY (" + list(f.Columns) + ") REFERENCES " +
		m.Dialect.Table(parent) + " (" + list(f.ReferencedColumns) + ") ON DELETE " + onDelete +
		" ON UPDATE " + onUpdate
}

const myRemovers = `
SELECT DISTINCT GRANTEE AS grantee FROM (
  SELECT GRANTEE FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE = 'DROP'
  UNION ALL SELECT GRANTEE FROM information_schema.SCHEMA_PRIVILEGES
    WHERE PRIVILEGE_TYPE = 'DROP' AND ? LIKE TABLE_SCHEMA
  UNION ALL SELECT GRANTEE FROM information_schema.TABLE_PRIVILEGES
    WHERE PRIVILEGE_TYPE = 'DROP' AND TABLE_SCHEMA = ?) g ORDER BY grantee`

// removers: TRUNCATE fires no trigger, and asks for the right DROP.
func (m mysql) removers(ctx context.Context) error {
	var schemas, who []string
	for i := range m.targets {
		if s := m.targets[i].Source.Schema; !slices.Contains(schemas, s) {
			schemas = append(schemas, s)
		}
	}
	for _, schema := range schemas {
		err := each(ctx, m.DB, "rights", myRemovers, []any{schema, schema}, func(scan func(...any) error) error {
			var name string
			err := scan(&name)
			if !slices.Contains(who, name) {
				who = append(who, name)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	if len(who) > 0 {
		m.add(Note, "", KindTruncate, "TRUNCATE, and partitions that are dropped, leave no trace; with their right "+
			"DROP these accounts may, as far as can be seen: "+strings.Join(who, ", "),
			"let programs connect as accounts without it: REVOKE DROP ON … FROM …")
	}
	return nil
}

const myEngines = `
SELECT ENGINE AS engine FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`

// engines: what a rollback leaves is an entry without its change.
func (m mysql) engines(ctx context.Context) error {
	for _, t := range m.tables() {
		err := each(ctx, m.DB, "engine of "+t.String(), myEngines, []any{t.Schema, t.Name},
			func(scan func(...any) error) error {
				var engine *string
				if err := scan(&engine); err != nil || engine == nil {
					return err
				}
				switch strings.ToLower(*engine) {
				case "innodb", "rocksdb", "tokudb":
					return nil
				}
				m.add(Error, "", KindNotTransactional, fmt.Sprintf(
					"table %s has the engine %s: a rollback leaves entries of changes that were not made", t, *engine),
					"ALTER TABLE "+m.Dialect.Table(t)+" ENGINE=InnoDB")
				return nil
			})
		if err != nil {
			return err
		}
	}
	return nil
}

// binlog: a replica that runs statements again fires its triggers with numbers and
// clocks of its own.
func (m mysql) binlog(ctx context.Context) error {
	const query = "SELECT @@log_bin AS bin, @@global.binlog_format AS format"
	return each(ctx, m.DB, "settings of the binary log", query, nil,
		func(scan func(...any) error) error {
			var on int
			var format string
			err := scan(&on, &format)
			if err == nil && on != 0 && strings.EqualFold(format, "STATEMENT") {
				m.add(Note, "", KindBinlog, "the binary log holds statements: on replicas, triggers run again and "+
					"record under other numbers and times", "SET GLOBAL binlog_format = 'ROW'")
			}
			return err
		})
}

// statements: without a context a statement is its own revision.
func (m mysql) statements(context.Context) error {
	m.add(Note, "", KindGrouping, "changes of programs that bind no context are a revision for each statement, "+
		"not for each transaction", "let programs bind one: capture/conn, or CALL annals_context(…)")
	return nil
}

func (m mysql) schemaChanges(context.Context) error {
	m.add(Note, "", KindSchemaChanges, followDDL,
		"after each schema change: annals schema update --force, then annals trigger create --force")
	return nil
}
