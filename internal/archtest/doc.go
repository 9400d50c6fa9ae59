// Package archtest holds the rules of the repository that a compiler does not: the import ladder,
// sizes, package docs. It has no code of its own; its tests read the sources of every module.
package archtest
