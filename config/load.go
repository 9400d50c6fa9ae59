package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"go.yaml.in/yaml/v3"

	"github.com/seed-162b1470/annals"
)

// Load reads and validates a configuration file. A nil env means the process's
// environment. A file that cannot be read gives an *annals.Error that wraps
// annals.ErrConfig and the cause; faults in it give an *annals.ConfigError with
// all of them. The defaults are not filled in: see [Config.WithDefaults].
func Load(path string, env func(string) (string, bool)) (*Config, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, &annals.Error{
			Op: "read configuration", Subject: path,
			Err:    unreadableFile{withoutPath(err)},
			Remedy: "name the file with --config, or make one with annals init --dsn DSN",
		}
	}
	c, err := Parse(src, env)
	if err != nil {
		return nil, fmt.Errorf("read configuration %s: %w", path, err)
	}
	return c, nil
}

// Parse reads and validates a configuration in YAML, as [Load] does.
func Parse(src []byte, env func(string) (string, bool)) (*Config, error) {
	if env == nil {
		env = os.LookupEnv
	}
	f := &faults{lines: map[string]int{}}
	root, err := document(src)
	if err != nil {
		f.add("", err.Error(), "")
		return nil, f.err()
	}
	c := &Config{}
	(&decoder{faults: f, env: env}).into(root, "", c)
	c.validate(f)
	if err := f.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// document returns the only document of src.
func document(src []byte) (*yaml.Node, error) {
	d := yaml.NewDecoder(bytes.NewReader(src))
	var first, second yaml.Node
	if err := d.Decode(&first); errors.Is(err, io.EOF) {
		return nil, errors.New("the configuration is empty; annals init --dsn DSN makes one")
	} else if err != nil {
		return nil, err
	}
	if err := d.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, errors.New("the file holds more than one YAML document; keep the first")
	}
	root := first.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, errors.New("the configuration is empty; annals init --dsn DSN makes one")
	}
	return root, nil
}

// unreadableFile is a cause that is a configuration fault too.
type unreadableFile struct{ error }

// Unwrap makes the error match annals.ErrConfig and its cause.
func (e unreadableFile) Unwrap() []error { return []error{annals.ErrConfig, e.error} }

// withoutPath drops the path of an *os.PathError: it is the error's subject.
func withoutPath(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
