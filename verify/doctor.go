package verify

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/lock"
)

// Fine is the severity of what is as it should be; an Examination has it, a Finding
// never.
const Fine Severity = "ok"

// The kinds of what a doctor looks at.
const (
	ExamConnection   = "connection"
	ExamClock        = "clock"
	ExamRights       = "rights"
	ExamLock         = "lock"
	ExamTransactions = "transactions"
	ExamBlocked      = "blocked"
	ExamSchema       = "schema"
	ExamTriggers     = "triggers"
)

// Examination is one thing that a doctor looked at, and how it is.
type Examination struct {
	Severity Severity `json:"severity"`
	// Subject is "source app" or "storage default".
	Subject string `json:"subject"`
	// Kind is one of the constants.
	Kind   string `json:"kind"`
	Detail string `json:"detail"`
	// Remedy is empty where nothing is wrong.
	Remedy string `json:"remedy"`
}

// Right is a right on a table: "SELECT", "INSERT", "DELETE".
type Right struct {
	Table annals.Table
	Verb  string
	// Column is one of the table's.
	Column string
}

// Patient is a database that is looked at.
type Patient struct {
	Subject string
	DB      *sql.DB
	Dialect dialect.Dialect
	// Rights are those that its account has to have.
	Rights []Right
	// Locks are the names of annals' locks.
	Locks []string
	Now   func() time.Time
}

const (
	// skewed is how far the clocks of host and database may be apart.
	skewed = time.Second
	// longTransaction is how old a transaction is that is worth a word, blockedFor how
	// long a writer waits.
	longTransaction = time.Minute
	blockedFor      = time.Second
)

// Examine looks at one database. Whatever cannot be looked at is told as such.
func Examine(ctx context.Context, p Patient) []Examination {
	d := &doctor{Patient: p}
	version := ""
	if err := d.one(ctx, versionQuery(p.Dialect), &version); err != nil {
		d.say(Error, ExamConnection, err.Error(), "check that the database runs and the DSN is right")
		return d.found
	}
	d.say(Fine, ExamConnection, versionName(p.Dialect)+" "+version, "")
	d.clock(ctx)
	d.rights(ctx)
	d.locks(ctx)
	switch p.Dialect.Name() {
	case dialect.MySQLName:
		d.mysqlSessions(ctx)
	case dialect.SQLiteName:
		d.sqliteWriter(ctx)
	default:
		d.postgresSessions(ctx)
	}
	return d.found
}

type doctor struct {
	Patient
	found []Examination
}

func (d *doctor) say(severity Severity, kind, detail, remedy string) {
	d.found = append(d.found, Examination{
		Severity: severity, Subject: d.Subject, Kind: kind, Detail: detail, Remedy: remedy,
	})
}

// one scans the only row of a query.
func (d *doctor) one(ctx context.Context, query string, dest ...any) error {
	return each(ctx, d.DB, d.Subject, query, nil, func(scan func(...any) error) error {
		return scan(dest...)
	})
}

func (d *doctor) unseen(kind string, err error) {
	d.say(Note, kind, "could not be looked at: "+err.Error(), "give the account the right to look, or ask another")
}

func versionName(d dialect.Dialect) string {
	switch {
	case d.Features().MariaDB:
		return "MariaDB"
	case d.Name() == dialect.MySQLName:
		return "MySQL"
	case d.Name() == dialect.SQLiteName:
		return "SQLite"
	}
	return "PostgreSQL"
}

// clock compares the database's clock with the host's.
func (d *doctor) clock(ctx context.Context) {
	began := d.Now()
	var at float64
	if err := d.one(ctx, clockQuery(d.Dialect), &at); err != nil {
		d.unseen(ExamClock, err)
		return
	}
	took := d.Now().Sub(began)
	middle := began.Add(took / 2)
	apart := time.UnixMicro(int64(at * 1e6)).Sub(middle)
	if apart.Abs() <= skewed+took/2 {
		d.say(Fine, ExamClock, fmt.Sprintf("within %s of this host's", skewed+took.Round(time.Second)/2), "")
		return
	}
	way := "ahead of"
	if apart < 0 {
		way = "behind"
	}
	d.say(Note, ExamClock, fmt.Sprintf("the database's clock is %s %s this host's",
		apart.Abs().Round(time.Millisecond), way), "set both by NTP: times of entries come from both")
}

// rights asks for the plan of a statement that would need each: it is refused like the
// statement, and changes nothing.
func (d *doctor) rights(ctx context.Context) {
	if d.Dialect.Name() == dialect.SQLiteName || len(d.Rights) == 0 {
		return // who may open the file may do everything
	}
	var lacking []string
	for _, r := range d.Rights {
		err := each(ctx, d.DB, "rights", "EXPLAIN "+d.statement(r), nil, func(func(...any) error) error { return nil })
		switch {
		case err == nil:
		case d.Dialect.Classify(err) == dialect.ClassAccess:
			lacking = append(lacking, r.Verb+" on "+r.Table.String())
		case d.Dialect.Classify(err) == dialect.ClassMissingTable:
			// The examination of the schema tells.
		default:
			d.unseen(ExamRights, err)
			return
		}
	}
	if len(lacking) > 0 {
		d.say(Error, ExamRights, "the account lacks "+strings.Join(lacking, ", "),
			"annals schema update --dump-sql --grants ROLE=NAME shows what to grant")
		return
	}
	d.say(Fine, ExamRights, "the account has what it needs", "")
}

func (d *doctor) statement(r Right) string {
	table, column := d.Dialect.Table(r.Table), d.Dialect.Quote(r.Column)
	switch r.Verb {
	case "INSERT":
		return "INSERT INTO " + table + " (" + column + ") VALUES (NULL)"
	case "DELETE":
		return "DELETE FROM " + table + " WHERE 1 = 0"
	}
	return "SELECT " + column + " FROM " + table + " WHERE 1 = 0"
}

// locks tells who works on annals' tables now.
func (d *doctor) locks(ctx context.Context) {
	held := false
	for _, name := range d.Locks {
		holder, err := lock.Holder(ctx, d.DB, d.Dialect, name)
		if err != nil {
			d.unseen(ExamLock, err)
			return
		}
		if holder != "" {
			held = true
			d.say(Note, ExamLock, fmt.Sprintf("lock %q is held by %s", name, holder),
				"wait for that run to end, or end it")
		}
	}
	if !held {
		d.say(Fine, ExamLock, "no run is at work", "")
	}
}

// session is what is told of one that is in the way.
type session struct {
	id, who string
	seconds float64
}

func (s session) age() time.Duration {
	return time.Duration(s.seconds * float64(time.Second)).Round(time.Second)
}

// sessions tells of those that a query gives: id, who, seconds.
func (d *doctor) sessions(ctx context.Context, kind, query, fine string, tell func(session)) {
	n := 0
	err := each(ctx, d.DB, kind, query, nil, func(scan func(...any) error) error {
		var s session
		err := scan(&s.id, &s.who, &s.seconds)
		if err == nil {
			n++
			tell(s)
		}
		return err
	})
	switch {
	case err != nil:
		d.unseen(kind, err)
	case n == 0:
		d.say(Fine, kind, fine, "")
	}
}

func (d *doctor) old(s session) {
	d.say(Note, ExamTransactions, fmt.Sprintf("transaction of session %s (%s) is open since %s", s.id, s.who, s.age()),
		"end it where it was forgotten: schema work waits for it, and old rows are kept for it")
}

func (d *doctor) stuck(s session) {
	d.say(Note, ExamBlocked, fmt.Sprintf("session %s waits since %s for %s", s.id, s.age(), s.who),
		"end the transaction that it waits for")
}

const noBlocked = "no writer waits"

func noOld() string { return "none is open for more than " + longTransaction.String() }
