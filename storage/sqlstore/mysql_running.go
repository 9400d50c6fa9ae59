package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/seed-162b1470/annals/dialect"
)

// mostRunning is how many transactions are believed to be all of them: the server
// ends the list where its memory for it does.
const mostRunning = 5000

// running needs the right PROCESS, and a list that is true.
//
// INNODB_TRX is a copy that the server makes anew only where nobody has read it for a
// tenth of a second: while somebody reads it often it may be of any age, and a
// transaction that runs may be missing. So the statement looks for itself: it runs in
// a transaction, and a copy that was made meanwhile has it, with its text. Any
// other is not believed, and is asked for again next time.
func (d mysql) running(
	ctx context.Context, db *sql.DB,
) (names map[string]bool, ok bool, err error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, false, fmt.Errorf("begin transaction: %w", err)
	}
	defer func() {
		if back := tx.Rollback(); err == nil && back != nil {
			err = fmt.Errorf("roll back: %w", back)
		}
	}()
	// Only this has InnoDB know the transaction before it reads a table.
	const start = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
	if _, err := tx.ExecContext(ctx, start); err != nil {
		return nil, false, fmt.Errorf("start transaction: %w", err)
	}
	b := &builder{d: d}
	b.text("SELECT CAST(trx_id AS CHAR), COALESCE(LOCATE('")
	// In the text, for it is the text that is looked for.
	b.text(strconv.FormatInt(rand.Int64()|1<<62, 10))
	b.text("', trx_query), 0) > 0 FROM information_schema.INNODB_TRX")
	names = map[string]bool{}
	own, rows := false, 0
	err = query(ctx, tx, b, func(scan func(...any) error) error {
		var name string
		var self bool
		err := scan(&name, &self)
		names[name] = true
		own = own || self
		rows++
		return err
	})
	if err != nil && d.Classify(err) == dialect.ClassAccess {
		return nil, false, nil
	}
	delete(names, "0") // has written nothing
	return names, own && rows < mostRunning, err
}
