package epoch

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals/layout"
)

// pgText is a text as a literal, whatever standard_conforming_strings says.
func pgText(s string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
}

const pgLockKey = "hashtextextended('annals:" + LockName + "', 0)"

func (postgres) head(*plan) string {
	settings := make([]string, len(pgPinned))
	for i, p := range pgPinned {
		settings[i] = "SET " + p[0] + " = '" + p[1] + "'"
	}
	return `-- for psql
\set ON_ERROR_STOP on
\encoding UTF8
SET default_transaction_isolation = 'read committed';
` + strings.Join(settings, ";\n") + `;
DO $annals$ BEGIN
  IF NOT pg_try_advisory_lock(` + pgLockKey + `) THEN
    RAISE EXCEPTION 'another run of annals epoch import is at work';
  END IF;
END $annals$;
`
}

func (postgres) foot() string {
	return "SELECT pg_advisory_unlock(" + pgLockKey + ") AS unlocked;\n"
}

// script is a block that commits after each batch.
func (e postgres) script(p *plan, o scripting) string {
	since := is("annals_v_since")
	keys := func(name string) (out []expr) {
		for i, c := range p.key {
			out = append(out, is(e.typed(c, name+"["+strconv.Itoa(i+1)+"]")))
		}
		return out
	}
	span := span{from: keys("annals_v_from"), noFrom: "annals_v_from IS NULL"}
	toKey := written(p, func(q *query) { p.lastAs(q, e, span, is(strconv.Itoa(o.size-1)), "ARRAY[", "]") })
	span.to, span.noTo = keys("annals_v_to"), "annals_v_to IS NULL"
	step := func(which pass) string {
		return written(p, func(q *query) {
			e.statement(q, batch{
				plan: p, span: span, which: which, wait: true,
				text: func(s string) expr { return is(pgText(s)) },
			}, since)
		})
	}
	started := "0"
	if o.again {
		started = "nextval(" + e.sequence(p) + ")"
	}
	moved := written(p, func(q *query) { p.anyMoved(q, since) })
	name := pgText(p.target.Name)
	body := fmt.Sprintf(`
#variable_conflict use_column
DECLARE
  annals_v_run bigint; annals_v_since bigint; annals_v_key text; annals_v_done boolean;
  annals_v_from text[]; annals_v_to text[]; annals_v_n bigint; annals_v_sum bigint := 0;
BEGIN
  INSERT INTO %[1]s (source, entity, started_seq, done, created_at)
  SELECT %[2]s, %[3]s, %[4]s, false, clock_timestamp()
  WHERE NOT EXISTS (SELECT FROM %[1]s WHERE source = %[2]s AND entity = %[3]s AND id > %[5]d);
  SELECT id, started_seq, last_key, done INTO annals_v_run, annals_v_since, annals_v_key, annals_v_done
  FROM %[1]s WHERE source = %[2]s AND entity = %[3]s ORDER BY id DESC LIMIT 1;
  COMMIT;
  IF annals_v_done THEN
    RAISE NOTICE '%%: done before', %[3]s;
    RETURN;
  END IF;
  IF annals_v_key IS NOT NULL THEN
    annals_v_from := ARRAY(SELECT pg_catalog.jsonb_array_elements_text(annals_v_key::jsonb));
  END IF;
  LOOP
    annals_v_to := (%[6]s);
    %[7]s;
    GET DIAGNOSTICS annals_v_n = ROW_COUNT;
    annals_v_sum := annals_v_sum + annals_v_n;
    UPDATE %[1]s SET last_key = to_json(annals_v_to)::text
    WHERE id = annals_v_run AND annals_v_to IS NOT NULL;
    COMMIT;
    RAISE NOTICE '%%: %% rows', %[3]s, annals_v_sum;
    EXIT WHEN annals_v_to IS NULL;
    annals_v_from := annals_v_to;
  END LOOP;
  annals_v_from := NULL;
  WHILE (%[8]s) > 0 LOOP
    annals_v_to := (%[6]s);
    %[9]s;
    GET DIAGNOSTICS annals_v_n = ROW_COUNT;
    annals_v_sum := annals_v_sum + annals_v_n;
    COMMIT;
    EXIT WHEN annals_v_to IS NULL;
    annals_v_from := annals_v_to;
  END LOOP;
  UPDATE %[1]s SET done = true WHERE id = annals_v_run;
  COMMIT;
  RAISE NOTICE '%%: done', %[3]s;
END `, p.own(layout.EpochTable), pgText(p.source), name, started, o.beyond, toKey, step(first),
		moved, step(second))
	tag := "$annals$"
	for strings.Contains(body, tag) {
		tag = tag[:len(tag)-1] + "x$"
	}
	return "DO " + tag + body + tag + ";\n"
}

// sequence is annals_seq as a regclass.
func (postgres) sequence(p *plan) string {
	return pgText(p.own(layout.SequenceName)) + "::regclass"
}
