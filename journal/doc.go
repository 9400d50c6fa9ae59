// Package journal is capture by triggers: it generates, installs and drops the
// triggers that copy each changed row into typed copies of the audited tables, and
// makes mutations of what they wrote.
//
// What is written is described in docs/formats/mirror.md, the decisions behind it in
// docs/adr/0009-trigger-capture.md. SQL differs by database in the files that are
// named after one.
package journal
