package server

import (
	"errors"
	"strings"
	"testing"
)

// Where nothing can be installed, the error has to say what to do.
func TestEnsureNamesWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // no apt-get
	missing := errors.New("initdb not found")
	err := ensure(t.Context(), func() error { return missing }, postgresAdvice, "postgresql")
	if !errors.Is(err, missing) || !strings.Contains(err.Error(), "ANNALS_TEST_POSTGRES_DSN") {
		t.Errorf("ensure: %v", err)
	}
}
