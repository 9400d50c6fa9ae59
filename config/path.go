package config

import (
	"strconv"
	"strings"
	"unicode"
)

// child returns the path of a key below path: "entities.post", or
// `entities["my table"]` where the key would be unclear without quotes.
func child(path, key string) string {
	plain := key != "" && strings.IndexFunc(key, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-.*", r)
	}) < 0
	switch {
	case !plain:
		return path + "[" + strconv.Quote(key) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// item returns the path of the i-th item of a list, from 0.
func item(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
