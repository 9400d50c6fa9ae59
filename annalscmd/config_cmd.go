package annalscmd

import (
	"errors"
	"fmt"
	"slices"

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
			"Exit code 2 for faults, 1 where a database did not answer, 4 where all is right but\n" +
			"asks for what is not part of this version.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err == nil && !offline {
				err = a.checkLive(cmd.Context(), c)
			}
			if err = a.withUnbuilt(c, err); err != nil {
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

// withUnbuilt adds what is not part of this version to the faults of a check. On its
// own it is a problem that the check found, and no fault.
func (a *app) withUnbuilt(c *config.Config, err error) error {
	if c == nil {
		return err
	}
	unbuilt := c.Unbuilt()
	if len(unbuilt) == 0 {
		return err
	}
	var fault *annals.ConfigError
	if errors.As(err, &fault) {
		return fmt.Errorf("check %s: %w", a.config,
			&annals.ConfigError{Faults: append(unbuilt, fault.Faults...)})
	}
	if err != nil {
		a.sayLines(message(err))
	}
	return &ExitError{Code: ExitProblems, Err: fmt.Errorf("check %s: %w", a.config,
		&annals.ConfigError{Faults: unbuilt})}
}

// built refuses a configuration that asks for what is not part of this version.
func (a *app) built(c *config.Config) error {
	if faults := c.Unbuilt(); len(faults) > 0 {
		return fmt.Errorf("use %s: %w", a.config, &annals.ConfigError{Faults: faults})
	}
	return nil
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
			"It asks no database: primary keys, which stand for an absent key, and the tables\n" +
			"that \"*\" stands for are not in it.\n" +
			"With --routes: for each entity, those of \"*\" included, how its changes are captured\n" +
			"and delivered, where they go, and the rule that decided.",
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
	var doc yaml.Node
	if err := doc.Encode(c.Redacted()); err != nil {
		return fmt.Errorf("show configuration: %w", err)
	}
	showPrefixes(&doc)
	text, err := yaml.Marshal(&doc)
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

// showPrefixes writes the default of table_prefix, which is empty, to storages that
// have none.
func showPrefixes(doc *yaml.Node) {
	storages := valueOf(doc, "storages")
	if storages == nil {
		return
	}
	for i := 1; i < len(storages.Content); i += 2 {
		s := storages.Content[i]
		if valueOf(s, "table_prefix") != nil {
			continue
		}
		at := max(0, slices.IndexFunc(s.Content, func(n *yaml.Node) bool {
			return n.Value == "table_suffix"
		}))
		s.Content = slices.Insert(s.Content, at,
			&yaml.Node{Kind: yaml.ScalarNode, Value: "table_prefix"},
			&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle})
	}
}

// valueOf is the value of a key of a mapping, nil where there is none.
func valueOf(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

// printJSON writes a value as one line of JSON.
func (a *app) printJSON(v any) error {
	line, err := marshalLine(v)
	if err != nil {
		return err
	}
	return a.print(line)
}
