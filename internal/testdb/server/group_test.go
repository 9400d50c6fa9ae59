package server

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// When the starting process ends without a word, its end of the pipe closes: the guard has to
// stop what it was told of and remove the folder.
func TestGuardCleansUpWhenPipeCloses(t *testing.T) {
	t.Setenv(EnvKeep, "")
	dir := filepath.Join(t.TempDir(), "with space")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	sleeper := exec.Command("sleep", "600")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	var g Group
	if err := g.watch(dir, 0, "-"); err != nil {
		t.Fatal(err)
	}
	if err := g.watch(dir, sleeper.Process.Pid, "TERM"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- sleeper.Wait() }()
	if err := g.Stop(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		t.Log(err) // ended by its signal
	case <-time.After(30 * time.Second):
		t.Error("the process is still running")
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("folder is still there: %v", err)
	}
	if err := g.Stop(); err != nil {
		t.Errorf("second Stop: %v", err)
	}
}

func TestAskedRefusesUnknownDatabase(t *testing.T) {
	t.Setenv(EnvDatabases, "postgres,oracle")
	if kinds, err := Asked(); err == nil {
		t.Errorf("Asked() = %v, want a fault", kinds)
	}
}
