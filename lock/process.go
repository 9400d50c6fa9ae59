package lock

import "os"

// hostname names this host in messages and rows.
func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown host"
	}
	return name
}
