// Package notice_test runs one program with annals and without, on every
// database, and compares all that the program can see: what it is told, what it
// holds, what it sends and what it leaves. The differences that a database forces
// are listed in differences_test.go and in docs/internals.md.
package notice_test

import (
	"testing"

	"github.com/seed-162b1470/annals/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }
