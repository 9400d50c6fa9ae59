package annalscmd

import (
	"slices"

	"github.com/spf13/cobra"
)

// later lists commands that are designed and not part of this version. A command
// that is built is taken off the list.
func later() []string {
	return []string{"consume", "queue", "failed", "spool", "serve", "revert"}
}

// notYet refuses a command of the list.
func notYet(root *cobra.Command, name string) error {
	if root.HasParent() || !slices.Contains(later(), name) {
		return nil
	}
	return usage("%[1]s %[2]s is not part of this version; %[1]s help lists what is",
		root.CommandPath(), name)
}

// noJSON refuses --json where it would change nothing.
func (a *app) noJSON(cmd *cobra.Command) error {
	if !a.json {
		return nil
	}
	return usage("%s has no data to print as JSON; leave --json out", cmd.CommandPath())
}

// addCompletion adds cobra's command "completion" in a form that refuses a shell it
// does not know, as every other command refuses a wrong argument.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			group(cmd)
		}
	}
}
