//go:build !unix

package server

import (
	"errors"
	"os/exec"
)

type account struct {
	name     string
	uid, gid int
}

var errNotHere = errors.New("servers are started on Unix systems only: set their DSN variables")

func unprivileged(...string) (*account, error) { return nil, errNotHere }

func detach(*exec.Cmd, *account) {}

func lockFile(string) (func(), error) { return nil, errNotHere }
