//go:build unix

package lock

import (
	"errors"
	"syscall"
)

// alive reports whether the process exists on this host.
func alive(pid int) bool {
	// EPERM: it exists and is somebody else's.
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
