// Package testdb gives tests throwaway databases on real servers: PostgreSQL and MariaDB started
// from the machine's binaries (package server), SQLite files, and MySQL where a DSN points at one.
//
//	func TestMain(m *testing.M) { testdb.Main(m) }
//
//	func TestThing(t *testing.T) {
//		testdb.Each(t, func(t *testing.T, db *testdb.DB) {
//			// db is a fresh, empty database of its own; dropped when the test ends.
//		})
//	}
//
// Servers start with the first test that asks for one, once a process; the withservers command
// starts them once for a whole run. These variables direct it:
//
//	ANNALS_TEST_DATABASES     comma list of postgres, mariadb, sqlite, mysql
//	                          (default postgres,mariadb,sqlite)
//	ANNALS_TEST_POSTGRES_DSN  use this server and start none; a superuser's DSN
//	ANNALS_TEST_MARIADB_DSN   the same for MariaDB: mysql://user:password@host:port/
//	ANNALS_TEST_MYSQL_DSN     the same for MySQL 8; never started, covered when set
//	ANNALS_TEST_KEEP=1        leave servers and databases, and print how to connect
//
// A database that was asked for and cannot be had fails the test; nothing is skipped.
package testdb
