package conn

// Syntax is how a database writes SQL. Postgres, MySQL and SQLite return those
// of the databases that annals knows.
type Syntax struct {
	// nested comments end with their last "*/".
	nested bool
	// hash starts a comment too, and "--" does only before white space.
	hash bool
	// code: what stands in /*! … */ is run.
	code bool
	// backslash escapes in plain strings; either means that a setting decides.
	backslash, either bool
	// escape: E'…' has backslashes whatever the setting. dollar: $tag$ … $tag$.
	escape, dollar bool
	// doubleText: "…" is a string where it is not a name.
	doubleText bool
	// fold: names without quotes are lower case.
	fold bool
	// implicit are the first keywords of statements that commit by themselves.
	implicit map[string]bool
	// begin begins a transaction that is going to write. autocommit, where there is such
	// a setting, tells whether statements outside of one commit by themselves.
	begin, autocommit string
}

// With returns the syntax with the first keywords, in capitals, of statements
// that commit by themselves.
func (s Syntax) With(implicitCommits ...string) Syntax {
	s.implicit = map[string]bool{}
	for _, word := range implicitCommits {
		s.implicit[word] = true
	}
	return s
}

// Ends reports whether a statement ends its transaction by committing it.
func (s Syntax) Ends(c Control) bool {
	switch c.Action {
	case Commits:
		return true
	case None, Begins:
		return s.implicit[c.Keyword] && !c.Temporary
	}
	return false
}

// mayEnd reports whether a statement may end its transaction, unseen, by what it
// calls.
func (s Syntax) mayEnd(c Control) bool {
	switch c.Keyword {
	case "CALL", "EXECUTE", "BEGIN NOT", "IF", "LOOP", "WHILE", "REPEAT", "CASE", "FOR":
		return len(s.implicit) > 0
	}
	return false
}
