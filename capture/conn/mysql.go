package conn

// MySQL is the syntax of MySQL and MariaDB.
func MySQL() Syntax {
	return Syntax{hash: true, code: true, backslash: true, either: true, doubleText: true}
}
