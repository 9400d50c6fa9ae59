package verify_test

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/verify"
)

// role makes a role, which goes with the test.
func (s *scene) role() string {
	name := "annals_verify_" + strings.ToLower(rand.Text())
	super := testdb.Superuser(s.t, s.Kind)
	if s.Dialect == "postgres" {
		s.exec("CREATE ROLE " + name)
		s.t.Cleanup(func() {
			s.exec("REASSIGN OWNED BY "+name+" TO CURRENT_USER", "DROP OWNED BY "+name)
			s.exec("DROP ROLE " + name)
		})
		return name
	}
	account := "'" + name + "'@'localhost'"
	s.t.Cleanup(func() {
		if _, err := super.ExecContext(context.Background(), "DROP USER IF EXISTS "+account); err != nil {
			s.t.Error(err)
		}
	})
	return account
}

// databaseFaults are those that only some databases can have.
func databaseFaults() []provoked {
	return append(postgresFaults(), mysqlFaults()...)
}

func postgresFaults() []provoked {
	const on = "postgres"
	return []provoked{
		{
			name: "trigger disabled", on: on, kind: verify.KindTriggerDisabled, entity: "item", severity: verify.Error,
			provoke: func(s *scene) { s.exec("ALTER TABLE items DISABLE TRIGGER " + s.trigger("item", "delete")) },
		},
		{
			name: "trigger not always", on: on, kind: verify.KindTriggerDisabled, entity: "item", severity: verify.Error,
			detail:  "session_replication_role",
			provoke: func(s *scene) { s.exec("ALTER TABLE items ENABLE TRIGGER " + s.trigger("item", "insert")) },
		},
		{
			name: "row trigger of others", on: on, kind: verify.KindTriggerOutdated, entity: "item", severity: verify.Error,
			detail: "form",
			provoke: func(s *scene) {
				s.exec("CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
					"CREATE TRIGGER other AFTER INSERT ON items FOR EACH ROW EXECUTE FUNCTION other()")
			},
		},
		{
			name: "column dropped", on: on, kind: verify.KindTriggerOutdated, entity: "item", severity: verify.Error,
			provoke: func(s *scene) {
				s.unfollowed()
				s.exec("ALTER TABLE items DROP COLUMN n")
			},
		},
		{
			name: "schema changes not followed", on: on, kind: verify.KindSchemaChanges, severity: verify.Note,
			detail: "by themselves", provoke: func(s *scene) { s.unfollowed() },
		},
		{
			name: "owner without rights", on: on, kind: verify.KindOwnerRights, severity: verify.Error,
			detail: "lacks rights",
			provoke: func(s *scene) {
				role := s.role()
				s.exec("ALTER FUNCTION annals_insert_item() OWNER TO " + role)
			},
		},
		{
			name: "publication", on: on, kind: verify.KindPublication, severity: verify.Note, detail: "publication p",
			provoke: func(s *scene) { s.exec(`CREATE PUBLICATION p FOR TABLE items_audit`) },
		},
		{
			name: "unlogged", on: on, kind: verify.KindNotDurable, severity: verify.Error, detail: "unlogged",
			provoke: func(s *scene) { s.exec("ALTER TABLE items_audit SET UNLOGGED") },
		},
	}
}

func mysqlFaults() []provoked {
	const on = "mysql"
	foreign := func(s *scene, actions string) {
		s.exec("ALTER TABLE items DROP FOREIGN KEY items_customer",
			"ALTER TABLE items ADD CONSTRAINT items_customer FOREIGN KEY (customer_id) REFERENCES customers (id) "+actions)
	}
	return []provoked{
		{
			name: "delete cascades", on: on, kind: verify.KindCascade, entity: "item", severity: verify.Error,
			detail: "ON DELETE CASCADE", provoke: func(s *scene) { foreign(s, "ON DELETE CASCADE") },
		},
		{
			name: "delete sets null", on: on, kind: verify.KindCascade, entity: "item", severity: verify.Error,
			detail: "ON DELETE SET NULL", provoke: func(s *scene) { foreign(s, "ON DELETE SET NULL") },
		},
		{
			name: "update cascades", on: on, kind: verify.KindCascade, entity: "item", severity: verify.Error,
			detail: "ON UPDATE CASCADE", provoke: func(s *scene) { foreign(s, "ON UPDATE CASCADE") },
		},
		{
			name: "no transactions", on: on, kind: verify.KindNotTransactional, severity: verify.Error, detail: "MyISAM",
			provoke: func(s *scene) { s.exec("ALTER TABLE items_audit ENGINE=MyISAM") },
		},
		{
			name: "context committed", on: "sqlite", kind: verify.KindContextLeft, severity: verify.Error,
			provoke: func(s *scene) {
				s.exec("PRAGMA foreign_keys = OFF; INSERT INTO annals_context (id, user_id) VALUES (1, '7'); " +
					"PRAGMA foreign_keys = ON")
			},
		},
	}
}
