package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/layout"
)

// postgres looks at a source on PostgreSQL.
type postgres struct{ *looker }

func postgresChecks(e *looker) []func(context.Context) error {
	p := postgres{e}
	return []func(context.Context) error{
		p.owners, p.account, p.publications, p.unlogged, p.foreign, p.schemaChanges,
	}
}

const pgLacking = `
SELECT w.sql FROM unnest($2::text::text[], $3::text::text[], $4::text::text[], $5::text::text[])
  AS w(kind, name, privilege, sql)
WHERE NOT CASE w.kind
  WHEN 'schema' THEN pg_catalog.has_schema_privilege($1::text::name, w.name, w.privilege)
  WHEN 'sequence' THEN pg_catalog.has_sequence_privilege($1::text::name, w.name, w.privilege)
  ELSE pg_catalog.has_table_privilege($1::text::name, w.name, w.privilege) END`

// owners: the functions of triggers run with the rights of their owners. A table that
// is missing is another check's finding.
func (p postgres) owners(ctx context.Context) error {
	live, err := p.Journal.Journal.Installed(ctx)
	if err != nil {
		return err
	}
	there, err := p.present(ctx)
	if err != nil {
		return err
	}
	var owners []string
	for _, l := range live {
		if l.Definer != "" && !slices.Contains(owners, l.Definer) {
			owners = append(owners, l.Definer)
		}
	}
	for _, owner := range owners {
		var kinds, names, privileges, remedies []string
		need := func(kind, name, privilege, on string) {
			kinds, names = append(kinds, kind), append(names, name)
			privileges = append(privileges, privilege)
			remedies = append(remedies, "GRANT "+privilege+" ON "+on+" TO "+p.Dialect.Quote(owner))
		}
		if schema := p.own("").Schema; schema != "" {
			need("schema", schema, "USAGE", "SCHEMA "+p.Dialect.Quote(schema))
		}
		for _, t := range p.tables() {
			if !there[t] {
				continue
			}
			name := p.Dialect.Table(t)
			need("table", name, "INSERT", name)
			if t.Name == layout.RevisionTable || t.Name == layout.RevisionEntityTable {
				need("table", name, "SELECT", name)
			}
		}
		if seq := p.own(layout.SequenceName); there[seq] {
			need("sequence", p.Dialect.Table(seq), "USAGE", "SEQUENCE "+p.Dialect.Table(seq))
		}
		var lacking []string
		err := each(ctx, p.DB, "rights of "+owner, pgLacking,
			[]any{owner, pgTexts(kinds), pgTexts(names), pgTexts(privileges), pgTexts(remedies)},
			func(scan func(...any) error) error {
				var grant string
				err := scan(&grant)
				lacking = append(lacking, grant)
				return err
			})
		if err != nil {
			return err
		}
		if len(lacking) > 0 {
			p.add(Error, "", KindOwnerRights, fmt.Sprintf(
				"the functions of triggers run as %s, which lacks rights: writes of audited tables fail", owner),
				strings.Join(lacking, "; "))
		}
	}
	return nil
}

// present finds which of annals' tables are there.
func (p postgres) present(ctx context.Context) (map[annals.Table]bool, error) {
	there := map[annals.Table]bool{}
	const query = `SELECT pg_catalog.to_regclass($1::text) IS NOT NULL`
	for _, t := range append(p.tables(), p.own(layout.SequenceName)) {
		err := each(ctx, p.DB, "table "+t.String(), query, []any{p.Dialect.Table(t)},
			func(scan func(...any) error) error {
				var found bool
				err := scan(&found)
				there[t] = found
				return err
			})
		if err != nil {
			return nil, err
		}
	}
	return there, nil
}

const pgAccount = `
SELECT current_user::text, r.rolsuper,
  coalesce((SELECT pg_catalog.pg_has_role(current_user, c.relowner, 'USAGE')
    FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1::text)), false),
  coalesce(pg_catalog.has_table_privilege(pg_catalog.to_regclass($1::text), 'INSERT')
    OR pg_catalog.has_table_privilege(pg_catalog.to_regclass($1::text), 'UPDATE')
    OR pg_catalog.has_table_privilege(pg_catalog.to_regclass($1::text), 'DELETE')
    OR pg_catalog.has_table_privilege(pg_catalog.to_regclass($1::text), 'TRUNCATE'), false)
FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`

// account: who can write annals' tables can forge entries, and remove them.
func (p postgres) account(ctx context.Context) error {
	return each(ctx, p.DB, "rights of the account", pgAccount,
		[]any{p.Dialect.Table(p.own(layout.RevisionTable))}, func(scan func(...any) error) error {
			var name string
			var super, owner, writer bool
			if err := scan(&name, &super, &owner, &writer); err != nil {
				return err
			}
			var how string
			switch {
			case super:
				how = "is a superuser"
			case owner:
				how = "owns annals' tables"
			case writer:
				how = "may write annals' tables"
			default:
				return nil
			}
			p.add(Note, "", KindRights, fmt.Sprintf("the account of the source, %s, %s: "+
				"a program that connects as it can forge entries and switch triggers off", name, how),
				"let programs connect as another account, and give that its rights: "+
					"annals schema update --grants application=NAME --force")
			return nil
		})
}

const pgPublications = `
SELECT p.pubname::text, p.puballtables, t.schemaname::text, t.tablename::text
FROM pg_catalog.pg_publication p JOIN pg_catalog.pg_publication_tables t USING (pubname)
WHERE t.schemaname = $1::text ORDER BY 1, 3, 4`

// publications: a subscriber would get what triggers wrote, and what its own write.
func (p postgres) publications(ctx context.Context) error {
	tables := p.tables()
	carried := map[string][]string{}
	all := map[string]bool{}
	var names []string
	err := each(ctx, p.DB, "publications", pgPublications, []any{p.own("").Schema},
		func(scan func(...any) error) error {
			var name string
			var t annals.Table
			var every bool
			if err := scan(&name, &every, &t.Schema, &t.Name); err != nil || !slices.Contains(tables, t) {
				return err
			}
			if carried[name] == nil {
				names = append(names, name)
			}
			carried[name], all[name] = append(carried[name], p.Dialect.Table(t)), every
			return nil
		})
	for _, name := range names {
		remedy := "ALTER PUBLICATION " + p.Dialect.Quote(name) + " DROP TABLE " + strings.Join(carried[name], ", ")
		if all[name] {
			remedy = "name the tables of publication " + p.Dialect.Quote(name) + ", in place of ALL TABLES"
		}
		p.add(Note, "", KindPublication, fmt.Sprintf("publication %s carries annals' tables: "+
			"a subscriber that has triggers of its own records everything twice", name), remedy)
	}
	return err
}

const pgUnlogged = `
SELECT c.relpersistence::text = 'u' FROM pg_catalog.pg_class c
WHERE c.oid = pg_catalog.to_regclass($1::text)`

// unlogged tables are empty after a crash.
func (p postgres) unlogged(ctx context.Context) error {
	for _, t := range p.tables() {
		name := p.Dialect.Table(t)
		err := each(ctx, p.DB, "table "+t.String(), pgUnlogged, []any{name},
			func(scan func(...any) error) error {
				var unlogged bool
				err := scan(&unlogged)
				if err == nil && unlogged {
					p.add(Error, "", KindNotDurable, fmt.Sprintf("table %s is unlogged: a crash empties it", t),
						"ALTER TABLE "+name+" SET LOGGED")
				}
				return err
			})
		if err != nil {
			return err
		}
	}
	return nil
}

const pgForeignPartitions = `
SELECT n.nspname::text, c.relname::text
FROM pg_catalog.pg_partition_tree($1::text::pg_catalog.regclass) t
JOIN pg_catalog.pg_class c ON c.oid = t.relid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'f' ORDER BY 1, 2`

// foreign partitions take no triggers with transition tables.
func (p postgres) foreign(ctx context.Context) error {
	for i := range p.targets {
		t := &p.targets[i]
		err := each(ctx, p.DB, "partitions of "+t.Source.String(), pgForeignPartitions,
			[]any{p.Dialect.Table(t.Source)}, func(scan func(...any) error) error {
				var part annals.Table
				if err := scan(&part.Schema, &part.Name); err != nil {
					return err
				}
				p.add(Note, t.Name, KindUnseen, fmt.Sprintf(
					"partition %s is a foreign table: changes of its rows are not recorded", part),
					"audit the table on its own server")
				return nil
			})
		if err != nil {
			return err
		}
	}
	return nil
}

const pgEventTriggers = `
SELECT count(*) FROM pg_catalog.pg_event_trigger e JOIN pg_catalog.pg_proc p ON p.oid = e.evtfoid
WHERE e.evtenabled <> 'D' AND position('annals trigger' IN p.prosrc) > 0`

// schemaChanges: no event trigger makes the triggers follow an ALTER TABLE.
func (p postgres) schemaChanges(ctx context.Context) error {
	return each(ctx, p.DB, "event triggers", pgEventTriggers, nil, func(scan func(...any) error) error {
		var n int
		err := scan(&n)
		if err == nil && n == 0 {
			p.add(Note, "", KindSchemaChanges, followDDL,
				"after each schema change: annals schema update --force, then annals trigger create --force")
		}
		return err
	})
}

// followDDL is said where nothing sees schema changes.
const followDDL = "triggers do not follow schema changes by themselves: a column that comes is not recorded, " +
	"and one that goes makes writes fail, until they are made anew"

// pgTexts writes an array literal.
func pgTexts(texts []string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	quoted := make([]string, len(texts))
	for i, s := range texts {
		quoted[i] = `"` + escape.Replace(s) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}
