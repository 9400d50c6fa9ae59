package epoch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals/layout"
)

// head takes the lock that Run takes: package lock makes its name likewise.
func (*mysql) head(p *plan) string {
	sum := sha256.Sum256([]byte(p.target.Source.Schema + "\x00" + LockName))
	return `-- for mysql
SET time_zone = '+00:00', sql_mode = '` + mysqlMode + `';
SET @annals_epoch_lock = 'annals:` + hex.EncodeToString(sum[:20]) + `';
`
}

func (*mysql) foot() string {
	return "DO RELEASE_LOCK(@annals_epoch_lock);\n"
}

// script is a procedure that is made, called and dropped. It stands in the storage's
// database.
func (e *mysql) script(p *plan, o scripting) string {
	since := is("annals_v_since")
	keys := func(name string) (out []expr) {
		for i, c := range p.key {
			out = append(out, is(e.typed(c, name+strconv.Itoa(i))))
		}
		return out
	}
	names := func(name string) string {
		list := make([]string, len(p.key))
		for i := range p.key {
			list[i] = name + strconv.Itoa(i)
		}
		return strings.Join(list, ", ")
	}
	var parse, forward, reset []string
	for i := range p.key {
		n := strconv.Itoa(i)
		parse = append(parse, "annals_v_from"+n+" = JSON_UNQUOTE(JSON_EXTRACT(annals_v_key, '$["+n+"]'))")
		forward = append(forward, "annals_v_from"+n+" = annals_v_to"+n)
		reset = append(reset, "annals_v_to"+n+" = NULL")
	}
	b := span{from: keys("annals_v_from"), noFrom: "annals_v_from0 IS NULL"}
	// SELECT … INTO leaves the variables alone where there is no row.
	find := written(p, func(q *query) {
		p.lastAs(q, e, b, is(strconv.Itoa(o.size-1)), "", " INTO "+names("annals_v_to"))
	})
	b.to, b.noTo = keys("annals_v_to"), "annals_v_to0 IS NULL"
	step := func(which pass) string {
		at := batch{plan: p, span: b, which: which, wait: true, text: func(s string) expr { return is(mysqlText(s)) }}
		return e.scriptStep(at, since, "SET "+strings.Join(reset, ", ")+", annals_v_n = 0;\n    "+find)
	}
	started := "0"
	if o.again {
		started = "(" + e.next(p) + ")"
	}
	table, name := p.own(layout.EpochTable), mysqlText(p.target.Name)
	run := "source = " + mysqlText(p.source) + " AND entity = " + name
	procedure := p.own("annals_epoch_import")
	return fmt.Sprintf(mysqlProcedure, procedure, names("annals_v_from"), names("annals_v_to"), table,
		mysqlText(p.source), name, started,
		mysqlNow, run, o.beyond, strings.Join(parse, ", "), step(first), strings.Join(forward, ", "),
		strings.ReplaceAll(strings.Join(reset, ", "), "_to", "_from"),
		written(p, func(q *query) { p.anyMoved(q, since) }), step(second))
}

// scriptStep writes a batch; find is what sets its end.
func (e *mysql) scriptStep(b batch, since expr, find string) string {
	return written(b.plan, func(q *query) {
		q.add("SET TRANSACTION ISOLATION LEVEL ", e.isolation(), ";\n    START TRANSACTION;\n    ", find, ";\n    ")
		count := &query{d: b.d}
		e.lock(count, b)
		q.add(strings.Replace(count.sql.String(), "COUNT(*) FROM", "COUNT(*) INTO annals_v_locked FROM", 1),
			";\n    SET annals_v_found = EXISTS (SELECT 1 FROM ", b.inTable())
		b.where(q, e, since)
		q.add(");\n    IF annals_v_found THEN\n      ")
		e.revision(q, b, since, nil)
		q.add(";\n      SET annals_v_revision = LAST_INSERT_ID();\n      ")
		e.receipts(q, b, since, is("annals_v_revision"))
		q.add(";\n      SET annals_v_locked = ROW_COUNT();\n      ")
		e.rows(q, b, since, is("annals_v_revision"))
		q.add(";\n      SET annals_v_n = ROW_COUNT();\n      IF annals_v_n <> annals_v_locked THEN\n",
			"        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'annals: receipts and rows differ';\n",
			"      END IF;\n    END IF")
	})
}

// isolation of a script, whose session nobody has asked.
func (e *mysql) isolation() string {
	if e.level == "" {
		return "READ COMMITTED"
	}
	return e.level
}

// mysqlProcedure walks through a table twice, as run does.
const mysqlProcedure = `DROP PROCEDURE IF EXISTS %[1]s;
DELIMITER //
CREATE PROCEDURE %[1]s() MODIFIES SQL DATA SQL SECURITY INVOKER
body: BEGIN
  DECLARE %[2]s, %[3]s, annals_v_key LONGTEXT CHARACTER SET utf8mb4;
  DECLARE annals_v_run, annals_v_since, annals_v_revision, annals_v_n, annals_v_locked BIGINT DEFAULT 0;
  DECLARE annals_v_sum BIGINT DEFAULT 0;
  DECLARE annals_v_done, annals_v_found BOOLEAN DEFAULT FALSE;
  DECLARE CONTINUE HANDLER FOR NOT FOUND BEGIN END;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;
  IF COALESCE(GET_LOCK(@annals_epoch_lock, 0), 0) <> 1 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'another run of annals epoch import is at work';
  END IF;
  INSERT INTO %[4]s (source, entity, started_seq, done, created_at)
  SELECT %[5]s, %[6]s, %[7]s, 0, %[8]s FROM (SELECT 1 AS one) o
  WHERE NOT EXISTS (SELECT 1 FROM %[4]s WHERE %[9]s AND id > %[10]d);
  SELECT id, started_seq, last_key, done INTO annals_v_run, annals_v_since, annals_v_key, annals_v_done
  FROM %[4]s WHERE %[9]s ORDER BY id DESC LIMIT 1;
  IF annals_v_done THEN
    SELECT CONCAT(%[6]s, ': done before') AS annals;
    LEAVE body;
  END IF;
  IF annals_v_key IS NOT NULL THEN
    SET %[11]s;
  END IF;
  walk: LOOP
    %[12]s;
    UPDATE %[4]s SET last_key = JSON_ARRAY(%[3]s) WHERE id = annals_v_run AND annals_v_to0 IS NOT NULL;
    COMMIT;
    SET annals_v_sum = annals_v_sum + annals_v_n;
    SELECT CONCAT(%[6]s, ': ', annals_v_sum, ' rows') AS annals;
    IF annals_v_to0 IS NULL THEN LEAVE walk; END IF;
    SET %[13]s;
  END LOOP;
  SET %[14]s;
  moved: WHILE (%[15]s) > 0 DO
    %[16]s;
    COMMIT;
    IF annals_v_to0 IS NULL THEN LEAVE moved; END IF;
    SET %[13]s;
  END WHILE;
  UPDATE %[4]s SET done = 1 WHERE id = annals_v_run;
  SELECT CONCAT(%[6]s, ': done') AS annals;
END //
DELIMITER ;
CALL %[1]s();
DROP PROCEDURE %[1]s;
`
