package annalscmd

import (
	"testing"

	"github.com/seed-162b1470/annals/config"
)

func TestDSNToCreateFrom(t *testing.T) {
	tests := map[string]struct{ dsn, want string }{
		"plain":        {"sqlite:shop.db", "sqlite:shop.db?mode=rwc"},
		"mode":         {"sqlite:shop.db?mode=rw", "sqlite:shop.db?mode=rwc"},
		"mode, hidden": {"sqlite:shop.db?m%6fde=rw&mode=rw", "sqlite:shop.db?mode=rwc"},
		"others stay": {
			"sqlite:shop.db?_pragma=busy_timeout(10)&mode=rw&_pragma=foreign_keys(1)",
			"sqlite:shop.db?mode=rwc&_pragma=busy_timeout(10)&_pragma=foreign_keys(1)",
		},
		"server": {"postgres://u:p@h:1/shop?sslmode=disable", "postgres://u:p@h:1/postgres?sslmode=disable"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d, err := config.ParseDSN(tt.dsn)
			if err != nil {
				t.Fatal(err)
			}
			if got, _, err := administrative(d); err != nil || got != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}
