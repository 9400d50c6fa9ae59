package journal

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/layout"
)

// myRoutine is a procedure of the storage.
type myRoutine struct{ name, sql, bare, label string }

// myParameters are those of annals_context and annals_bind, in their order.
var myParameters = []string{
	layout.ColUserID, layout.ColUserName, layout.ColComment, layout.ColUserEmail,
	layout.ColUserType, layout.ColContext, layout.ColIP, layout.ColUserAgent,
	layout.ColRequestID, layout.ColExtra,
}

// routines are the procedures by which a context is bound from SQL.
func (g mysqlGenerator) routines(n myNames) []myRoutine {
	d := g.j.cfg.Dialect
	parameters := make([]string, len(myParameters))
	for i, p := range myParameters {
		parameters[i] = "IN p_" + p + " LONGTEXT CHARACTER SET utf8mb4"
	}
	fields, joined := make([]string, len(myClaims)), ""
	for i, c := range myClaims {
		fields[i] = "p_" + c.column
		joined += ",\n      _utf8mb4 X'1F', REPLACE(REPLACE(IFNULL(p_" + c.column +
			", ''), _utf8mb4 X'1F', ' '), _utf8mb4 X'00', ' ')"
	}
	bound := strings.ReplaceAll(g.revisionValues("-CAST(CONNECTION_ID() AS SIGNED)", fields),
		"@annals_fields", "CONCAT_WS('', p_"+strings.Join(myParameters, ", p_")+")")
	common := []string{
		"{parameters}", strings.Join(parameters, ",\n  "), "{fields}", strings.TrimPrefix(joined, ",\n      "),
		"{stamp}", g.stamp("  "), "{refusal}", "'" + g.refusal() + "'",
		"{revision}", n.revision, "{receipt}", n.receipt,
		"{revision_columns}", g.list(myRevisionColumns()), "{revision_values}", bound,
	}
	var out []myRoutine
	for _, r := range []struct{ name, file string }{
		{"annals_context", "mysql/context.sql"},
		{"annals_bind", "mysql/bind.sql"},
		{"annals_unbind", "mysql/unbind.sql"},
	} {
		name := d.Table(annals.Table{Schema: n.schema, Name: r.name})
		sql, hash := g.labelled(template(r.file), append(slices.Clone(common), "{procedure}", name)...)
		out = append(out, myRoutine{name: name, sql: sql, bare: r.name, label: g.myLabel(hash)})
	}
	return out
}

// refusal is said where annals_context is called outside of a transaction.
func (g mysqlGenerator) refusal() string {
	if g.mariaDB() {
		return "annals_context: call it after BEGIN, in the transaction that it is for"
	}
	return "annals_context: call it after BEGIN; consumer events_transactions_current has to be on"
}

const myRoutines = `
SELECT ROUTINE_NAME AS name, COALESCE(ROUTINE_DEFINITION, '') AS body FROM information_schema.ROUTINES
WHERE ROUTINE_SCHEMA = ? AND ROUTINE_TYPE = 'PROCEDURE' AND ROUTINE_NAME LIKE 'annals!_%' ESCAPE '!'`

// procedures creates or replaces those that are not there as they should be: who is
// replaced may lose the rights that were granted on it.
func (g mysqlGenerator) procedures(ctx context.Context, q queryers, n myNames) (step, error) {
	live := map[string]string{}
	err := scan(ctx, q.source, myRoutines, []any{n.schema}, func(scan func(...any) error) error {
		var name, body string
		err := scan(&name, &body)
		live[name] = body
		return err
	})
	if err != nil {
		return step{}, fmt.Errorf("list procedures: %w", err)
	}
	s := step{subject: "annals_context", begin: slices.Clone(myBegin), restore: myRestore}
	s.begin[0].Comment = "procedures that bind a context"
	for _, r := range g.routines(n) {
		if strings.HasPrefix(live[r.bare], r.label+":") {
			continue
		}
		if !g.mariaDB() {
			s.body = append(s.body, Statement{SQL: "DROP PROCEDURE IF EXISTS " + r.name})
		}
		s.body = append(s.body, Statement{SQL: r.sql, Compound: true})
	}
	return s, nil
}
