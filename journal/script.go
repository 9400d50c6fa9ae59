package journal

import (
	"fmt"
	"io"
	"strings"
)

// Statement is one statement of a script.
type Statement struct {
	// Comment says what it is for; it may be all there is.
	Comment, SQL string
	// Compound statements hold semicolons that do not end them: the mysql client
	// needs another delimiter.
	Compound bool
}

// Script is what installs or drops triggers, for people and for the clients psql,
// mysql and sqlite3.
type Script []Statement

// String is the script as text.
func (s Script) String() string {
	var b strings.Builder
	for i, st := range s {
		if st.Comment != "" {
			if i > 0 {
				b.WriteByte('\n')
			}
			for line := range strings.Lines(st.Comment) {
				b.WriteString("-- " + strings.TrimRight(line, "\r\n") + "\n")
			}
		}
		switch {
		case st.SQL == "":
		case st.Compound:
			delimiter := "//"
			for strings.Contains(st.SQL, delimiter) {
				delimiter += "/"
			}
			fmt.Fprintf(&b, "DELIMITER %s\n%s\n%s\nDELIMITER ;\n", delimiter, st.SQL, delimiter)
		default:
			b.WriteString(st.SQL + ";\n")
		}
	}
	return b.String()
}

// WriteTo implements io.WriterTo.
func (s Script) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, s.String())
	return int64(n), err
}
