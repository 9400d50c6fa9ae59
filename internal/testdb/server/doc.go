// Package server starts throwaway PostgreSQL and MariaDB servers for tests from the machine's own
// binaries: free loopback ports, an own data folder, no fsync, gone at the end.
//
// A guard process holds the other end of a pipe. When the process that started the servers ends,
// in whatever way (a panic, a test timeout, a kill), the pipe closes and the guard stops the
// servers and removes their data. Nothing is left behind unless ANNALS_TEST_KEEP asks for it.
package server
