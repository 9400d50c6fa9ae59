package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// EnsureCompiler makes sure that there is a C compiler, which Go's race detector needs.
func EnsureCompiler(ctx context.Context) error {
	find := func() error {
		out, err := exec.CommandContext(ctx, "go", "env", "CC").Output()
		if err != nil {
			return fmt.Errorf("ask go for the C compiler: %w", err)
		}
		// CC may hold arguments after the program.
		program, _, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("find C compiler for the race detector: %w", err)
		}
		return nil
	}
	return ensure(ctx, find, "install a C compiler (gcc and the C library's headers)", "gcc", "libc6-dev")
}

// ensure runs find; when it fails it installs the packages on Debian and Ubuntu as root and runs
// it again. Elsewhere it fails with what the developer has to do.
func ensure(ctx context.Context, find func() error, advice string, packages ...string) error {
	missing := find()
	if missing == nil {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return fmt.Errorf("%w: %s", missing, advice)
	}
	// Test binaries run side by side; one of them installs, the others find the result.
	unlock, err := lockFile(filepath.Join(os.TempDir(), "annals-test-install.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	if find() == nil {
		return nil
	}
	if err := aptInstall(ctx, packages); err != nil {
		return fmt.Errorf("%w: %s: %w", missing, advice, err)
	}
	return find()
}

func aptInstall(ctx context.Context, packages []string) error {
	fmt.Fprintln(os.Stderr, "testdb: installing", strings.Join(packages, ", "))
	install := append([]string{"install", "-y", "--no-install-recommends"}, packages...)
	var failed error
	for _, args := range [][]string{{"update"}, install} {
		args = append([]string{"-q", "-o", "DPkg::Lock::Timeout=300"}, args...)
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		out, err := cmd.CombinedOutput()
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("apt-get %s: %w\n%s", strings.Join(args, " "), err, out))
			continue // a stale index may still be good enough to install from
		}
		failed = nil
	}
	return failed
}

// findProgram looks in PATH, then in the folders.
func findProgram(folders []string, names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Abs(path)
		}
	}
	for _, folder := range folders {
		for _, name := range names {
			path := filepath.Join(folder, name)
			if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 && !info.IsDir() {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("%s not found in PATH or in %s",
		strings.Join(names, ", "), strings.Join(folders, ", "))
}
