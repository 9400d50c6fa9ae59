package conn

// Postgres is PostgreSQL's syntax.
func Postgres() Syntax {
	return Syntax{nested: true, either: true, escape: true, dollar: true, fold: true}
}
