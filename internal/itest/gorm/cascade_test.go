package gorm_test

import (
	"errors"
	"maps"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// seedRows returns a seed of two tables, the referenced one first.
func seedRows(parent string, parents []map[string]any, child string, children []map[string]any,
) func(db *gorm.DB) error {
	return func(db *gorm.DB) error {
		return errors.Join(db.Table(parent).Create(cloned(parents)).Error,
			db.Table(child).Create(cloned(children)).Error)
	}
}

// cloned copies rows, to which Create adds what it learns.
func cloned(rows []map[string]any) []map[string]any {
	all := make([]map[string]any, len(rows))
	for i, row := range rows {
		all[i] = maps.Clone(row)
	}
	return all
}

// rekeyed is a program that changes the key of one row of a table.
func rekeyed(table, where string, to any) func(*testing.T, *gorm.DB) any {
	return func(_ *testing.T, db *gorm.DB) any {
		return see(db.Table(table).Where(where).Update("id", to))
	}
}

// TestKeysMadeOfForeignKeys has rows whose own keys change because those that they
// refer to do, or go.
func TestKeysMadeOfForeignKeys(t *testing.T) {
	postgresAndSQLite := []string{dialect.PostgresName, dialect.SQLiteName}
	playOwn(t, []ownTables{
		{
			name: "two foreign keys to one row", on: postgresAndSQLite,
			ddl: []string{
				"CREATE TABLE people (id int PRIMARY KEY)",
				`CREATE TABLE follows (a int, b int, w int, PRIMARY KEY (a, b),
					FOREIGN KEY (a) REFERENCES people (id) ON UPDATE CASCADE,
					FOREIGN KEY (b) REFERENCES people (id) ON UPDATE CASCADE)`,
				`CREATE TABLE reasons (a int, b int, n int, PRIMARY KEY (a, b, n),
					FOREIGN KEY (a, b) REFERENCES follows (a, b) ON UPDATE CASCADE)`,
			},
			audited: []string{"follows", "reasons"},
			seed: func(db *gorm.DB) error {
				return errors.Join(
					db.Table("people").Create([]map[string]any{{"id": 1}, {"id": 2}}).Error,
					db.Table("follows").Create([]map[string]any{
						{"a": 1, "b": 1, "w": 5}, {"a": 1, "b": 2, "w": 6},
					}).Error,
					db.Table("reasons").Create(map[string]any{"a": 1, "b": 1, "n": 7}).Error,
				)
			},
			do: func(_ *testing.T, db *gorm.DB) any {
				return []saw{
					see(db.Table("people").Where("id = 1").Update("id", 101)),
					see(db.Table("people").Where("id > 0").Update("id", gorm.Expr("id + 1000"))),
				}
			},
			want: []string{
				`update follows [101,101]<-[1,1] cascade: a=1>101 b=1>101`,
				`update follows [101,2]<-[1,2] cascade: a=1>101`,
				`update reasons [101,101,7]<-[1,1,7] cascade: a=1>101 b=1>101`,
				`update follows [1101,1002]<-[101,2] cascade: a=101>1101 b=2>1002`,
				`update follows [1101,1101]<-[101,101] cascade: a=101>1101 b=101>1101`,
				`update reasons [1101,1101,7]<-[101,101,7] cascade: a=101>1101 b=101>1101`,
			},
		},
		{
			name: "to a part of a key",
			ddl: []string{
				"CREATE TABLE tenants (tenant int, id int NOT NULL UNIQUE, PRIMARY KEY (tenant, id))",
				`CREATE TABLE notes (id int PRIMARY KEY, v int,
					FOREIGN KEY (id) REFERENCES tenants (id) ON UPDATE CASCADE)`,
			},
			audited: []string{"notes"},
			seed: seedRows("tenants", []map[string]any{{"tenant": 1, "id": 5}},
				"notes", []map[string]any{{"id": 5, "v": 1}}),
			do:   rekeyed("tenants", "id = 5", 6),
			want: []string{`update notes 6<-5 cascade: id=5>6`},
		},
		{
			name: "equal, but spelt otherwise",
			on:   []string{dialect.MySQLName, dialect.SQLiteName},
			special: map[string][]string{
				dialect.MySQLName: {
					"CREATE TABLE words (id varchar(10) PRIMARY KEY)",
					`CREATE TABLE uses (word varchar(10), n int, PRIMARY KEY (word, n),
						FOREIGN KEY (word) REFERENCES words (id) ON UPDATE CASCADE ON DELETE CASCADE)`,
				},
				dialect.SQLiteName: {
					"CREATE TABLE words (id text COLLATE nocase PRIMARY KEY)",
					`CREATE TABLE uses (word text, n int, PRIMARY KEY (word, n),
						FOREIGN KEY (word) REFERENCES words (id) ON UPDATE CASCADE ON DELETE CASCADE)`,
				},
			},
			audited: []string{"uses"},
			seed: seedRows("words", []map[string]any{{"id": "abc"}, {"id": "other"}},
				"uses", []map[string]any{{"word": "ABC", "n": 1}, {"word": "OTHER", "n": 2}}),
			do: func(_ *testing.T, db *gorm.DB) any {
				return []saw{
					see(db.Table("words").Where("id = 'abc'").Update("id", "xyz")),
					see(db.Table("words").Where("id = 'other'").Delete(nil)),
				}
			},
			want: []string{
				`update uses ["xyz",1]<-["ABC",1] cascade: word=ABC>xyz`,
				`remove uses ["OTHER",2] cascade: n=2> word=OTHER>`,
			},
		},
		{
			name: "set to a default", on: postgresAndSQLite,
			ddl: []string{
				"CREATE TABLE owners (id varchar(9) PRIMARY KEY)",
				`CREATE TABLE things (owner varchar(9) DEFAULT 'none', n int, PRIMARY KEY (owner, n),
					FOREIGN KEY (owner) REFERENCES owners (id)
					ON DELETE SET DEFAULT ON UPDATE SET DEFAULT)`,
			},
			audited: []string{"things"},
			seed: seedRows("owners", []map[string]any{{"id": "none"}, {"id": "a"}, {"id": "b"}},
				"things", []map[string]any{{"owner": "a", "n": 1}, {"owner": "b", "n": 2}}),
			do: func(_ *testing.T, db *gorm.DB) any {
				return []saw{
					see(db.Table("owners").Where("id = 'a'").Delete(nil)),
					see(db.Table("owners").Where("id = 'b'").Update("id", "c")),
				}
			},
			want: []string{
				`update things ["none",1]<-["a",1] cascade: owner=a>none`,
				`update things ["none",2]<-["b",2] cascade: owner=b>none`,
			},
		},
		{
			name: "by two ways from one row", on: postgresAndSQLite,
			ddl: []string{
				"CREATE TABLE tenants (id int PRIMARY KEY)",
				`CREATE TABLE users (tenant int, id int, PRIMARY KEY (tenant, id),
					FOREIGN KEY (tenant) REFERENCES tenants (id) ON UPDATE CASCADE)`,
				`CREATE TABLE docs (tenant int, id int, owner int, PRIMARY KEY (tenant, id),
					FOREIGN KEY (tenant) REFERENCES tenants (id) ON UPDATE CASCADE,
					FOREIGN KEY (tenant, owner) REFERENCES users (tenant, id) ON UPDATE CASCADE)`,
			},
			audited: []string{"users", "docs"},
			seed: func(db *gorm.DB) error {
				return errors.Join(
					db.Table("tenants").Create(map[string]any{"id": 1}).Error,
					db.Table("users").Create(map[string]any{"tenant": 1, "id": 5}).Error,
					db.Table("docs").Create(map[string]any{"tenant": 1, "id": 7, "owner": 5}).Error,
				)
			},
			do: rekeyed("tenants", "id = 1", 2),
			want: []string{
				`update docs [2,7]<-[1,7] cascade: tenant=1>2`,
				`update users [2,5]<-[1,5] cascade: tenant=1>2`,
			},
		},
		{
			name: "left as they are", on: []string{dialect.MySQLName, dialect.SQLiteName},
			ddl: []string{
				"CREATE TABLE owners (id int PRIMARY KEY)",
				`CREATE TABLE things (owner int PRIMARY KEY, v int,
					FOREIGN KEY (owner) REFERENCES owners (id) ON UPDATE CASCADE)`,
			},
			audited: []string{"things"},
			seed: seedRows("owners", []map[string]any{{"id": 1}, {"id": 2}},
				"things", []map[string]any{{"owner": 1, "v": 1}, {"owner": 2, "v": 2}}),
			do: func(_ *testing.T, db *gorm.DB) any {
				modifier := "OR IGNORE"
				if db.Name() == dialect.MySQLName {
					modifier = "IGNORE"
				}
				return see(db.Table("owners").Clauses(clause.Update{Modifier: modifier}).
					Where("id = 1").Update("id", 2))
			},
		},
	})
}

// TestCascadeThatATriggerUndoes has a row that is not to be found where its
// foreign key took it: what became of it cannot be told.
func TestCascadeThatATriggerUndoes(t *testing.T) {
	playOwn(t, []ownTables{{
		name: "another key", on: []string{dialect.PostgresName}, alone: true,
		ddl: []string{
			"CREATE TABLE owners (id int PRIMARY KEY)",
			`CREATE TABLE things (owner int, n int, PRIMARY KEY (owner, n),
				FOREIGN KEY (owner) REFERENCES owners (id) ON UPDATE CASCADE)`,
		},
		special: map[string][]string{dialect.PostgresName: {
			`CREATE FUNCTION renumber() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN NEW.n := OLD.n + 100; RETURN NEW; END $$`,
			`CREATE TRIGGER renumber BEFORE UPDATE ON things
			FOR EACH ROW EXECUTE FUNCTION renumber()`,
		}},
		audited: []string{"things"},
		seed: seedRows("owners", []map[string]any{{"id": 1}},
			"things", []map[string]any{{"owner": 1, "n": 1}}),
		do: func(t *testing.T, db *gorm.DB) any {
			err := db.Table("owners").Where("id = 1").Update("id", 2).Error
			if !errors.Is(err, annals.ErrCapture) {
				t.Errorf("error %v, want %v", err, annals.ErrCapture)
			}
			return nil
		},
	}})
}
