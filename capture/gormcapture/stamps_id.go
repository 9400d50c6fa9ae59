package gormcapture

import (
	"database/sql"
	"database/sql/driver"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/seed-162b1470/annals"
)

// ErrActorID means that an actor's ID is no value of the type that Stamps has for
// it: "cron" where people have numbers. The write fails.
var ErrActorID = errors.New("the actor's ID does not fit the stamps")

// errNotExact is why "007" is not the number 7: it would be somebody else's.
var errNotExact = errors.New("it would become another ID")

func actorIDError(stmt *gorm.Statement, id string, f *schema.Field, cause error) error {
	return &annals.Error{
		Op: "stamp", Subject: "table " + tableOf(stmt).String(),
		Err: fmt.Errorf("%w: %q as %s of column %s: %w", ErrActorID, id, f.FieldType, f.DBName, cause),
		Remedy: "give annals.WithActor an ID of that type; a job that is no person can have " +
			"a name and no ID",
	}
}

// convertID makes an actor's ID a value of a type.
func convertID(id string, to reflect.Type) (reflect.Value, error) {
	if to.Kind() == reflect.Pointer {
		v, err := convertID(id, to.Elem())
		if err != nil {
			return v, err
		}
		p := reflect.New(to.Elem())
		p.Elem().Set(v)
		return p, nil
	}
	v := reflect.New(to)
	switch target := v.Interface().(type) {
	case sql.Scanner:
		if err := target.Scan(id); err != nil {
			return v.Elem(), err
		}
		return v.Elem(), exact(id, v)
	case encoding.TextUnmarshaler:
		return v.Elem(), target.UnmarshalText([]byte(id))
	}
	return v.Elem(), parseID(id, v.Elem())
}

// parseID sets a value of a basic kind.
func parseID(id string, v reflect.Value) error {
	switch {
	case v.Kind() == reflect.String:
		v.SetString(id)
		return nil
	case v.CanInt():
		n, err := strconv.ParseInt(id, 10, v.Type().Bits())
		v.SetInt(n)
		return errors.Join(err, same(id, strconv.FormatInt(n, 10)))
	case v.CanUint():
		n, err := strconv.ParseUint(id, 10, v.Type().Bits())
		v.SetUint(n)
		return errors.Join(err, same(id, strconv.FormatUint(n, 10)))
	}
	return fmt.Errorf("type %s is not supported", v.Type())
}

// exact refuses a number that reads otherwise than the ID it was scanned from.
func exact(id string, v reflect.Value) error {
	valuer, ok := v.Interface().(driver.Valuer)
	if !ok {
		return nil
	}
	value, err := valuer.Value()
	if err != nil {
		return err
	}
	n := reflect.ValueOf(value)
	switch {
	case !n.IsValid():
		return errNotExact // it scanned to null
	case n.CanInt():
		return same(id, strconv.FormatInt(n.Int(), 10))
	case n.CanUint():
		return same(id, strconv.FormatUint(n.Uint(), 10))
	}
	return nil
}

func same(id, read string) error {
	if id != read {
		return errNotExact
	}
	return nil
}
