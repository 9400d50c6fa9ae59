package annalscmd

import (
	"context"
	"io"

	"github.com/spf13/cobra"
)

// DemoFolder is where a demonstration keeps its files unless told otherwise.
const DemoFolder = "annals-demo"

// Demo is one run of "annals demo". Package annalscmd/demo has the function to
// give as Options.Demo; it is apart so that programs which mount the command do
// not link GORM for it.
type Demo struct {
	// DSN is the server to use; empty means an embedded SQLite file.
	DSN string
	// Drop removes what an earlier run left.
	Drop bool
	// Folder is where the demonstration keeps its files.
	Folder string
	// Out is for what people read, Open opens databases.
	Out  io.Writer
	Open Opener
	// Annals runs another annals command in place, with its output on Out.
	Annals func(ctx context.Context, args ...string) error
}

// newDemoCommand returns "annals demo", nil where the program has none.
func newDemoCommand(a *app) *cobra.Command {
	if a.opts.Demo == nil {
		return nil
	}
	d := Demo{Out: a.opts.Stdout, Open: a.opts.Open}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work: a small audited shop, on embedded SQLite or on your server",
		Long: "Creates a small shop, changes it through GORM as a program would, and shows the\n" +
			"history of it. The data stays, with the commands to try on it; --drop removes it,\n" +
			"and nothing that it did not make.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.noJSON(cmd); err != nil {
				return err
			}
			d.Annals = func(ctx context.Context, args ...string) error {
				return a.again(ctx, args)
			}
			return a.opts.Demo(cmd.Context(), d)
		},
	}
	f := cmd.Flags()
	f.StringVar(&d.DSN, "dsn", "", "use this `database` instead of an SQLite file in the folder")
	f.BoolVar(&d.Drop, "drop", false, "remove what the demonstration made")
	f.StringVar(&d.Folder, "folder", DemoFolder, "keep the demonstration's files in this `folder`")
	f.Bool("no-serve", true,
		"do not serve the viewer at the end; changes nothing yet: this version has no viewer")
	return cmd
}

// again runs another command with the same options.
func (a *app) again(ctx context.Context, args []string) error {
	if a.noColor {
		args = append(args, "--no-color")
	}
	other := &app{opts: a.opts, guided: true}
	cmd := other.tree()
	other.bind(cmd, other.end)
	cmd.SetArgs(args)
	return cmd.ExecuteContext(ctx)
}
