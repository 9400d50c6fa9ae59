package dialect

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"os"
	"reflect"
	"syscall"
)

// classifyTransport tells failures that no server answered with: the network's,
// the driver's "bad connection" and the context's.
func classifyTransport(err error) Class {
	var netErr net.Error
	switch {
	case errors.Is(err, driver.ErrBadConn),
		errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, context.Canceled),
		errors.Is(err, os.ErrDeadlineExceeded),
		errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, io.EOF),
		errors.Is(err, net.ErrClosed),
		errors.Is(err, syscall.ECONNREFUSED),
		errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE),
		errors.As(err, &netErr):
		return ClassUnreachable
	}
	return ClassUnknown
}

// sqlState returns the SQLSTATE of an error that has one (pgx, lib/pq).
func sqlState(err error) string {
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) {
		return coded.SQLState()
	}
	return ""
}

// errorNumber returns the number of a MySQL error. The driver's type is a
// struct with a public field Number and no method for it, and this package must
// not import a driver, so the field is read by reflection.
func errorNumber(err error) (number uint16, ok bool) {
	walkErrors(err, func(e error) bool {
		v := reflect.ValueOf(e)
		if v.Kind() == reflect.Pointer && !v.IsNil() {
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct {
			return false
		}
		f := v.FieldByName("Number")
		if !f.IsValid() || f.Kind() != reflect.Uint16 {
			return false
		}
		number, ok = uint16(f.Uint()), true
		return true
	})
	return number, ok
}

// resultCode returns the (extended) result code of a SQLite error and the text
// that came with it.
func resultCode(err error) (code int, text string, ok bool) {
	var coded interface {
		error
		Code() int
	}
	if !errors.As(err, &coded) {
		return 0, "", false
	}
	return coded.Code(), coded.Error(), true
}

// walkErrors visits err and all that it wraps until visit says stop.
func walkErrors(err error, visit func(error) (stop bool)) bool {
	if err == nil {
		return false
	}
	if visit(err) {
		return true
	}
	switch e := err.(type) { //nolint:errorlint // this is the walk itself
	case interface{ Unwrap() error }:
		return walkErrors(e.Unwrap(), visit)
	case interface{ Unwrap() []error }:
		for _, cause := range e.Unwrap() {
			if walkErrors(cause, visit) {
				return true
			}
		}
	}
	return false
}
