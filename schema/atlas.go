package schema

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// atlasSumName is the file that pins the contents of an Atlas folder.
const atlasSumName = "atlas.sum"

// atlasSum is the directive at the head of a file that may leave it out of the
// sum, as Atlas reads it.
var atlasSum = regexp.MustCompile(`^[ -~]*atlas:sum(?: +([ -~]*))*`)

// writeAtlasSum makes atlas.sum of all migrations in the folder, as "atlas
// migrate hash" does: the line of a file holds the hash of all names and
// contents up to and including its own, the first line the hash of all lines.
func writeAtlasSum(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(e.Name(), ".sql") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	files, total := sha256.New(), sha256.New()
	var lines bytes.Buffer
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		files.Write([]byte(name))
		if m := atlasSum.FindSubmatch(content); m != nil && string(m[1]) == "ignore" {
			continue
		}
		files.Write(content)
		sum := base64.StdEncoding.EncodeToString(files.Sum(nil))
		total.Write([]byte(name + sum))
		fmt.Fprintf(&lines, "%s h1:%s\n", name, sum)
	}
	head := "h1:" + base64.StdEncoding.EncodeToString(total.Sum(nil)) + "\n"
	path := filepath.Join(dir, atlasSumName)
	text := append([]byte(head), lines.Bytes()...)
	return path, os.WriteFile(path, text, 0o666) //nolint:gosec // the umask decides
}
