package scaffold

import (
	"slices"
	"strings"
	"unicode"

	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
)

// label guesses the column that names an object for people.
func label(t *catalog.Table) string {
	for _, wanted := range []string{
		"name", "title", "label", "email", "username", "code",
	} {
		for _, c := range t.Columns {
			if strings.EqualFold(c.Name, wanted) {
				return c.Name
			}
		}
	}
	return ""
}

// softDelete finds the column that says when an object was removed.
func softDelete(t *catalog.Table) string {
	for _, c := range t.Columns {
		if words := split(c.Name); slices.Equal(words, []string{"deleted", "at"}) && c.Nullable {
			return c.Name
		}
	}
	return ""
}

// secret reports whether a column probably holds something that must not be kept:
// by a word of its name, unless its end or its type say that it only tells
// about the secret.
func secret(c dialect.Column) bool {
	words := split(c.Name)
	if len(words) == 0 || harmless(words[len(words)-1], c.Type) {
		return false
	}
	for i, word := range words {
		if slices.Contains([]string{
			"password", "passwords", "passwd", "passphrase", "pwd", "passcode", "secret", "secrets",
			"token", "apikey", "salt", "otp", "totp", "ssn", "iban", "cvv", "cvc", "pin",
			"creditcard", "credential", "credentials", "pwhash",
		}, word) {
			return true
		}
		if i+1 < len(words) && slices.Contains([]string{
			"api key", "private key", "secret key", "access key", "encryption key", "signing key",
			"credit card", "card number", "recovery code", "recovery codes", "backup codes",
			"bank account", "tax id", "social security",
		}, word+" "+words[i+1]) {
			return true
		}
	}
	return false
}

// harmless reports whether the last word or the type of a column say that it is
// about a secret, and none itself: password_changed_at, token_id, has_password.
func harmless(last, declared string) bool {
	if slices.Contains([]string{
		"at", "on", "id", "count", "type", "expires", "expiry", "length", "hint", "version",
	}, last) {
		return true
	}
	declared = strings.ToLower(declared)
	for _, word := range []string{"bool", "date", "time", "tinyint(1)"} {
		if strings.Contains(declared, word) {
			return true
		}
	}
	return false
}

// split cuts a name into lower-case words: api_key, ApiKey, APIKey, api-key.
func split(name string) []string {
	var words []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			words = append(words, strings.ToLower(string(word)))
		}
		word = nil
	}
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush()
			continue
		case unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) ||
			i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			flush()
		}
		word = append(word, r)
	}
	flush()
	return words
}
