package annalscmd

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/config"
)

func newConfigCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "config",
		Short: "Check or show the configuration",
	})
	cmd.AddCommand(newCheckCommand(a), newConfigShowCommand(a))
	return cmd
}

func newCheckCommand(a *app) *cobra.Command {
	var offline bool
	cmd := &cobra.Command{
		Use:   "check [--offline]",
		Short: "Tell every fault of the configuration, each with its path",
		Long: "Checks the file, and then the live databases: that they answer, and that every\n" +
			"table and column of the configuration is there and can be audited.\n" +
			"Exit code 2 for faults, 1 where a database did not answer.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err == nil && !offline {
				err = a.checkLive(cmd.Context(), c)
			}
			if err != nil {
				return a.tellFaults(err)
			}
			a.say("%s: no faults (%s, %s, %s)", a.config,
				count(len(c.Sources), "source", "sources"),
				count(len(c.Storages), "storage", "storages"),
				count(len(c.Entities), "entity", "entities"))
			return nil
		},
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "check the file only")
	return cmd
}

// tellFaults prints faults as JSON where that was asked for.
func (a *app) tellFaults(err error) error {
	var fault *annals.ConfigError
	if !a.json || !errors.As(err, &fault) {
		return err
	}
	for _, f := range fault.Faults {
		if err := a.printJSON(struct {
			Path    string `json:"path"`
			Problem string `json:"problem"`
			Remedy  string `json:"remedy"`
		}{f.Path, f.Problem, f.Remedy}); err != nil {
			return err
		}
	}
	return err
}

func newConfigShowCommand(a *app) *cobra.Command {
	var routes bool
	cmd := &cobra.Command{
		Use:   "show [--routes]",
		Short: "Print the effective configuration, without secrets",
		Long: "Prints the configuration with every default filled in and passwords replaced.\n" +
			"With --routes: for each entity how its changes are captured and delivered, where\n" +
			"they go, and the rule that decided.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			if routes {
				return a.showRoutes(cmd.Context(), c)
			}
			return a.showConfig(c)
		},
	}
	cmd.Flags().BoolVar(&routes, "routes", false, "where each entity goes, and why")
	return cmd
}

func (a *app) showConfig(c *config.Config) error {
	text, err := yaml.Marshal(c.Redacted())
	if err != nil {
		return fmt.Errorf("show configuration: %w", err)
	}
	if !a.json {
		return a.print(string(text))
	}
	// The keys are those of the file, whichever form it has.
	var tree map[string]any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return fmt.Errorf("show configuration: %w", err)
	}
	return a.printJSON(tree)
}

// printJSON writes a value as one line of JSON.
func (a *app) printJSON(v any) error {
	line, err := marshalLine(v)
	if err != nil {
		return err
	}
	return a.print(line)
}
