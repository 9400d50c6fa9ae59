package conn

// SQLite is SQLite's syntax.
func SQLite() Syntax { return Syntax{doubleText: true} }
