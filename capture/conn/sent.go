package conn

import "slices"

// sent is a statement's text as far as binding needs to know it.
type sent struct {
	text     string
	controls []Control
	// writes: it may change rows. retries: it may commit by itself, which it can only
	// outside of a transaction.
	writes, retries bool
}

// look reads what a text does.
func (s Syntax) look(query string) sent {
	st := sent{text: query, controls: s.Controls(query)}
	read := false
	for _, c := range st.controls {
		switch c.Keyword {
		case "INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "LOAD", "EXECUTE":
			st.writes = true
		case "TRUNCATE":
			st.writes = st.writes || !s.Ends(c)
		case "CALL", "DO":
			st.writes, st.retries = true, true
		case "WITH", "EXPLAIN", "COPY":
			read = true
		case "BEGIN NOT", "IF", "LOOP", "WHILE", "REPEAT", "CASE", "FOR": // blocks of MariaDB's
			st.writes = st.writes || s.hash
		}
	}
	if read && !st.writes {
		text := s.Read(query)
		st.writes = len(text.Writes()) > 0
	}
	return st
}

// Changes reports whether a text is one that may change rows, by its words.
func (s Syntax) Changes(query string) bool {
	st := s.look(query)
	return st.writes
}

// Counts reports whether the number of rows that the database counts for a text is
// that of rows it changed.
func (s Syntax) Counts(query string) bool {
	st := s.look(query)
	return st.counted()
}

// Controlled reports whether a statement of the text begins or ends a transaction.
func (s Syntax) Controlled(query string) bool {
	st := s.look(query)
	return st.controlled(s)
}

// several: the text is more than one statement, or may be read as such.
func (st *sent) several() bool { return len(st.controls) > 1 }

// counted: the number of rows that the database counts is that of rows changed.
func (st *sent) counted() bool {
	if len(st.controls) != 1 {
		return false
	}
	switch st.controls[0].Keyword {
	case "INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE":
		return true
	}
	return false
}

// controlled: a statement of the text begins or ends a transaction.
func (st *sent) controlled(s Syntax) bool {
	return slices.ContainsFunc(st.controls, func(c Control) bool {
		return c.Action != None || s.Ends(c)
	})
}

// quiet: the text fires no trigger, whatever the session holds.
func (st *sent) quiet() bool {
	if len(st.controls) != 1 {
		return len(st.controls) == 0
	}
	c := st.controls[0]
	return c.Action != None || c.Keyword == "SHOW" || c.Keyword == "USE"
}

// asksSession reports whether a query asks for what the session knows of its last
// statement, and for nothing else.
func (s Syntax) asksSession(query string) bool {
	l := &lexer{Syntax: s, text: query}
	tokens := l.all()
	if l.broken || l.unsure || len(tokens) == 0 || !tokens[0].is("SELECT") {
		return false
	}
	asks := false
	for i, t := range tokens {
		called := i+1 < len(tokens) && tokens[i+1].is("(")
		switch {
		case t.is("FROM"), t.is(";"), t.kind == aName && called:
			return false
		case t.is("ROW_COUNT", "FOUND_ROWS", "LAST_INSERT_ID", "WARNING_COUNT", "ERROR_COUNT",
			"IDENTITY", "INSERT_ID"):
			asks = true
		case t.kind == aWord && called:
			return false
		}
	}
	return asks
}
