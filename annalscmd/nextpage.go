package annalscmd

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seed-162b1470/annals/reader"
)

// pageSize is the value of --limit.
type pageSize int

// Set implements pflag.Value.
func (p *pageSize) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > reader.MaxLimit {
		return fmt.Errorf("write a number from 1 to %d", reader.MaxLimit)
	}
	*p = pageSize(n)
	return nil
}

// String implements pflag.Value.
func (p *pageSize) String() string { return strconv.Itoa(int(*p)) }

// Type implements pflag.Value.
func (*pageSize) Type() string { return "number" }

// nextPage makes of a command line the one for the page behind a cursor, in a form
// that a shell takes.
func nextPage(cmd *cobra.Command, args []string) func(cursor string) string {
	return func(cursor string) string {
		line := []string{cmd.CommandPath()}
		cmd.Flags().Visit(func(f *pflag.Flag) {
			switch list, ok := f.Value.(pflag.SliceValue); {
			case f.Name == "cursor":
			case ok:
				for _, v := range list.GetSlice() {
					line = append(line, "--"+f.Name+"="+shellWord(v))
				}
			case f.NoOptDefVal != "" && f.Value.Type() == "bool":
				line = append(line, "--"+f.Name+onlyFalse(f.Value.String()))
			default:
				line = append(line, "--"+f.Name+"="+shellWord(f.Value.String()))
			}
		})
		line = append(line, "--cursor", cursor)
		for i, arg := range args {
			if strings.HasPrefix(arg, "-") {
				args = append(append(append([]string{}, args[:i]...), "--"), args[i:]...)
				break
			}
		}
		for _, arg := range args {
			line = append(line, shellWord(arg))
		}
		return strings.Join(line, " ")
	}
}

func onlyFalse(value string) string {
	if value == "true" {
		return ""
	}
	return "=" + value
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:,=@%+-]+$`)

// shellWord quotes a text for a POSIX shell where it needs that.
func shellWord(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
