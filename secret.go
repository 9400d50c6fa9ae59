package annals

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a text that is never printed: every verb of fmt, JSON, YAML and logs
// show "xxxxx" in its place. Convert it to string to use it.
type Secret string

// hiddenSecret stands for a secret wherever one would be shown.
const hiddenSecret = "xxxxx"

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hiddenSecret
}

// Format implements fmt.Formatter, for the verbs that do not ask String.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText implements encoding.TextMarshaler, which JSON and YAML ask.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

var (
	_ fmt.Formatter  = Secret("")
	_ slog.LogValuer = Secret("")
	_ fmt.Stringer   = Secret("")
)
