package server

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	_ "github.com/go-sql-driver/mysql" // the driver the readiness probe uses
)

const mariadbAdvice = "install MariaDB 10.11 or newer (package mariadb-server), or set " +
	"ANNALS_TEST_MARIADB_DSN=mysql://superuser:password@host:3306/"

// mariadbPrograms returns the paths of mariadb-install-db and mariadbd.
func mariadbPrograms(ctx context.Context) (install, mariadbd string, err error) {
	folders := []string{"/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/usr/libexec"}
	find := func() error {
		if mariadbd, err = findProgram(folders, "mariadbd", "mysqld"); err != nil {
			return err
		}
		out, err := exec.CommandContext(ctx, mariadbd, "--no-defaults", "--version").Output()
		if err != nil {
			return fmt.Errorf("ask %s for its version: %w", mariadbd, err)
		}
		if !strings.Contains(string(out), "MariaDB") {
			return fmt.Errorf("%s is not MariaDB: %s", mariadbd, strings.TrimSpace(string(out)))
		}
		install, err = findProgram(folders, "mariadb-install-db", "mysql_install_db")
		return err
	}
	err = ensure(ctx, find, mariadbAdvice, "mariadb-server")
	return install, mariadbd, err
}

func (g *Group) startMariaDB(ctx context.Context) (*Server, error) {
	install, mariadbd, err := mariadbPrograms(ctx)
	if err != nil {
		return nil, err
	}
	user, err := unprivileged("mysql", "nobody")
	if err != nil {
		return nil, err
	}
	dir, err := newFolder(MariaDB, user)
	if err != nil {
		return nil, err
	}
	if err := g.watch(dir, 0, "-"); err != nil {
		return nil, err
	}
	data, accounts, password := dir+"/data", dir+"/accounts.sql", newPassword()
	args := append([]string{
		"--no-defaults", "--datadir=" + data, "--skip-test-db", "--skip-name-resolve",
		"--auth-root-authentication-method=normal", "--tmpdir=" + dir,
	}, mariadbSpeed()...)
	if err := runTool(ctx, user, dir, install, args...); err != nil {
		return nil, err
	}
	if err := writeFile(accounts, mariadbAccounts(password), user); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	process, err := g.run(ctx, launch{
		dir: dir, bin: mariadbd, args: mariadbArgs(dir, data, accounts, port, user), user: user,
		signal: "KILL", driver: "mysql",
		dsn: fmt.Sprintf("%s:%s@tcp(127.0.0.1:%d)/", superuser, password, port),
	})
	if err != nil {
		return nil, err
	}
	return &Server{
		Kind: MariaDB, Dir: dir,
		DSN:     fmt.Sprintf("mysql://%s:%s@127.0.0.1:%d/", superuser, password, port),
		Connect: fmt.Sprintf("mariadb -h 127.0.0.1 -P %d -u %s -p%s", port, superuser, password),
		running: process,
	}, nil
}

// mariadbAccounts makes the superuser and removes the accounts that would let others in or, like
// the anonymous one, shadow the accounts tests make.
func mariadbAccounts(password string) string {
	// The server reads the file line by line: each statement is on one.
	return strings.Join([]string{
		"CREATE USER '" + superuser + "'@'%' IDENTIFIED BY '" + password + "';",
		"GRANT ALL PRIVILEGES ON *.* TO '" + superuser + "'@'%' WITH GRANT OPTION;",
		"ALTER USER 'root'@'localhost' IDENTIFIED BY '" + password + "';",
		"DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host <> 'localhost');",
		"FLUSH PRIVILEGES;",
		"",
	}, "\n")
}

// mariadbSpeed gives up durability and keeps the files small.
func mariadbSpeed() []string {
	return []string{
		"--innodb-flush-method=nosync",
		"--innodb-flush-log-at-trx-commit=0",
		"--innodb-log-file-size=64M",
		"--innodb-buffer-pool-size=64M",
	}
}

// mariadbArgs: a server that starts removes what others left in the folder for
// temporary files, also what they still use; so each has one of its own.
func mariadbArgs(dir, data, accounts string, port int, user *account) []string {
	args := append([]string{
		"--no-defaults", "--datadir=" + data, "--init-file=" + accounts,
		"--bind-address=127.0.0.1", "--port=" + strconv.Itoa(port),
		"--socket=" + dir + "/mariadb.sock", "--pid-file=" + dir + "/mariadb.pid",
		"--tmpdir=" + dir,
		"--skip-name-resolve", "--skip-log-bin", "--performance-schema=OFF",
		"--character-set-server=utf8mb4", "--max-connections=300", "--skip-sync-frm",
	}, mariadbSpeed()...)
	if user != nil {
		args = append(args, "--user="+user.name)
	}
	return args
}
