package claim

import (
	"strings"
	"unicode/utf8"
)

// The most characters that the columns of a revision hold (layout.Revision); texts
// without a limit are bounded too.
const (
	idLimit      = 255
	nameLimit    = 255
	contextLimit = 100
	ipLimit      = 45
	textLimit    = 16_000
)

// separator joins the fields of annals.context and @annals_context.
const separator = "\x1f"

// fields are those of annals.context without the stamp, in their order.
func (c Claim) fields() []string {
	return []string{
		clean(c.Actor.ID, idLimit), clean(c.Actor.Name, nameLimit),
		clean(c.Actor.Email, nameLimit), clean(c.Actor.Type, nameLimit),
		clean(c.Actor.Context, contextLimit), clean(c.Origin.IP, ipLimit),
		clean(c.Origin.UserAgent, textLimit), clean(c.Origin.RequestID, nameLimit),
		clean(c.Comment, textLimit), string(c.Extra),
	}
}

// joined is what follows the stamp.
func (c Claim) joined() string { return separator + strings.Join(c.fields(), separator) }

// parameters are those of annals_context and annals_bind, in their order.
func (c Claim) parameters() []string {
	f := c.fields()
	return []string{f[0], f[1], f[8], f[2], f[3], f[4], f[5], f[6], f[7], f[9]}
}

// clean makes text of a value that every database takes and no longer than limit:
// the separator and NUL become spaces, what is no UTF-8 a replacement character.
func clean(value string, limit int) string {
	value = strings.Map(func(r rune) rune {
		if r == 0 || r == '\x1f' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(value, "\uFFFD"))
	if !longer(value, limit) {
		return value
	}
	n := 0
	for i := range value {
		if n == limit {
			return value[:i]
		}
		n++
	}
	return value
}

func longer(value string, limit int) bool {
	return len(value) > limit && utf8.RuneCountInString(value) > limit
}
