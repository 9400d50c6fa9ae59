package claim

import (
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// PostgresSet returns the statement that binds a claim to the open transaction of
// PostgreSQL. The setting ends with the transaction; its stamp, the server's time of
// the transaction's start, tells a trigger that it belongs to this one.
func PostgresSet(c Claim) string {
	return postgresSet + postgresText(c.joined()) + ", true)"
}

const postgresSet = "SELECT pg_catalog.set_config('annals.context', " +
	"extract(epoch from pg_catalog.now())::text || "

// PostgresSetArgs is PostgresSet with the claim as an argument.
func PostgresSetArgs(c Claim) (query string, args []any) {
	return postgresSet + "$1::text, true)", []any{c.joined()}
}

// PostgresBind returns the statement that binds a claim by a row of its own, for
// poolers that set connections aside once they have settings.
func PostgresBind(schema string, c Claim) string {
	name := dialect.Postgres().Table(annals.Table{Schema: schema, Name: bindRoutine})
	return "SELECT " + name + "(" + arguments(c, postgresText) + ")"
}

// PostgresBindArgs is PostgresBind with the claim as arguments.
func PostgresBindArgs(schema string, c Claim) (query string, args []any) {
	d := dialect.Postgres()
	const extraParameter = 9
	var places []string
	for i, value := range c.parameters() {
		place := d.Placeholder(i+1) + "::text"
		if i == extraParameter {
			place += "::jsonb"
		}
		places = append(places, place)
		if value == "" {
			args = append(args, nil)
		} else {
			args = append(args, value)
		}
	}
	name := d.Table(annals.Table{Schema: schema, Name: bindRoutine})
	return "SELECT " + name + "(" + strings.Join(places, ", ") + ")", args
}

// The routines of ADR 9.
const (
	contextRoutine = "annals_context"
	bindRoutine    = "annals_bind"
	unbindRoutine  = "annals_unbind"
)

// arguments are a claim's as the parameters of annals_bind; an empty one is null.
func arguments(c Claim, literal func(string) string) string {
	all := c.parameters()
	for i, value := range all {
		if value == "" {
			all[i] = "NULL"
		} else {
			all[i] = literal(value)
		}
	}
	return strings.Join(all, ", ")
}

// postgresText is a literal that reads the same whatever the session's settings.
func postgresText(value string) string {
	var b strings.Builder
	b.WriteString("E'")
	for _, r := range value {
		switch r {
		case '\'':
			b.WriteString("''")
		case '\\':
			b.WriteString(`\\`)
		case '\x1f':
			b.WriteString(`\x1f`)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('\'')
	return b.String()
}
