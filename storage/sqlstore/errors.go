package sqlstore

import (
	"fmt"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

const schemaRemedy = "run `annals schema update --force`"

// fail wraps a database's error while writing: the family by its class,
// otherwise family.
func (s *Store) fail(op, subject string, family, err error) error {
	if s.cfg.Name != "" {
		subject = strings.TrimSpace(subject + " in storage " + s.cfg.Name)
	}
	return s.wrap(&annals.Error{Op: op, Subject: subject}, family, err)
}

// failRead wraps a database's error while reading. Whoever asks several storages
// names them.
func (s *Store) failRead(op, subject string, err error) error {
	return s.wrap(&annals.Error{Op: op, Subject: subject}, nil, err)
}

func (s *Store) wrap(e *annals.Error, family, err error) error {
	switch s.cfg.Dialect.Classify(err) {
	case dialect.ClassMissingTable, dialect.ClassMissingColumn, dialect.ClassMissingDatabase:
		family, e.Remedy = annals.ErrSchema, schemaRemedy
	case dialect.ClassUnreachable:
		family, e.Remedy = annals.ErrUnreachable, "check that the database runs and answers"
	case dialect.ClassTooLarge:
		family = annals.ErrEntryTooLarge
		e.Remedy = "lower max_entry_size below what the server takes, or ignore large columns"
	case dialect.ClassAccess:
		e.Remedy = "grant the account the rights that `annals schema update --grants` lists"
	}
	e.Err = err
	if family != nil {
		e.Err = fmt.Errorf("%w: %w", family, err)
	}
	return e
}

// refuse is an entry or revision that cannot be stored as it is.
func refuse(op, subject, problem string, args ...any) error {
	return &annals.Error{
		Op: op, Subject: subject,
		Err: fmt.Errorf("%w: %s", annals.ErrCapture, fmt.Sprintf(problem, args...)),
	}
}
