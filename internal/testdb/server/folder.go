package server

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
)

// maxFolder keeps the path of a socket inside a folder below the system's limit of about 104 bytes.
const maxFolder = 60

// newFolder makes the folder of one server, owned by the user it will run as.
func newFolder(kind string, as *account) (string, error) {
	root := os.TempDir()
	if len(root) > maxFolder {
		root = "/tmp"
	}
	dir, err := os.MkdirTemp(root, "annals-"+kind+"-")
	if err != nil {
		return "", fmt.Errorf("make data folder: %w", err)
	}
	if as != nil {
		if err := os.Chown(dir, as.uid, as.gid); err != nil {
			return "", fmt.Errorf("give data folder to %s: %w", as.name, err)
		}
	}
	return dir, nil
}

// writeFile writes a file the server's user can read and nobody else.
func writeFile(path, text string, as *account) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if as != nil {
		if err := os.Chown(path, as.uid, as.gid); err != nil {
			return fmt.Errorf("give %s to %s: %w", path, as.name, err)
		}
	}
	return nil
}

// freePort asks the system for a loopback port nobody listens on.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return 0, fmt.Errorf("free port %d: %w", port, err)
	}
	return port, nil
}

// newPassword is random: other users of the machine reach the loopback ports too.
func newPassword() string { return rand.Text() }
