package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// machine describes what the run was made on, as far as it can be read.
func machine() []string {
	lines := []string{
		fmt.Sprintf("Processor: %s, %d cores visible", field("/proc/cpuinfo", "model name"),
			runtime.NumCPU()),
	}
	kib, err := strconv.Atoi(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"))
	if err == nil {
		lines = append(lines, fmt.Sprintf("Memory: %.0f GiB", float64(kib)/(1<<20)))
	}
	system := strings.Trim(field("/etc/os-release", "PRETTY_NAME"), `"`)
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err == nil {
		system += ", kernel " + strings.TrimSpace(string(kernel))
	}
	lines = append(lines, fmt.Sprintf("System: %s, %s/%s", system, runtime.GOOS, runtime.GOARCH))
	return append(lines, "Go: "+strings.TrimPrefix(runtime.Version(), "go")+modules())
}

// field reads the value of "name : value" or "name=value" from a file.
func field(file, name string) string {
	f, err := os.Open(file)
	if err != nil {
		return "unknown"
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), name)
		if !ok {
			continue
		}
		if value := strings.TrimLeft(rest, " \t:="); value != "" {
			return value
		}
	}
	return "unknown"
}

// load is the load average ahead of the run.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	parts := strings.Fields(string(text))
	if err != nil || len(parts) < 3 {
		return ""
	}
	return strings.Join(parts[:3], " ")
}

// modules are the drivers' versions.
func modules() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	var text strings.Builder
	for _, m := range info.Deps {
		switch m.Path {
		case "gorm.io/gorm", "github.com/jackc/pgx/v5", "github.com/go-sql-driver/mysql",
			"modernc.org/sqlite":
			text.WriteString(", " + m.Path + " " + m.Version)
		}
	}
	return text.String()
}
