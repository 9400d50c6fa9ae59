package config

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// RedactDSN replaces the password of a DSN by xxxxx, and so the value of every
// parameter that is not known to hold no secret. A text that is no DSN is replaced
// as a whole, because nobody knows what it holds; a reference to the environment
// stays.
func RedactDSN(text string) string {
	if text == "" {
		return ""
	}
	d, err := ParseDSN(text)
	var fault *dsnFault
	if errors.As(err, &fault) {
		return hidden
	}
	if d.has {
		u, err := url.Parse(text)
		if err != nil {
			return hidden
		}
		text = u.Redacted()
	}
	return d.redactOptions(text)
}

// HidesOptions reports whether a parameter may hold a secret, so that what a driver
// or server says about it must not be repeated.
func (d DSN) HidesOptions() bool { return d.redactOptions(d.text) != d.text }

// redactOptions replaces what may be secret behind the question mark, and what
// follows a # in a URL: it may be the end of a password.
func (d DSN) redactOptions(text string) string {
	fragment := ""
	if d.Path == "" {
		if i := strings.IndexByte(text, '#'); i >= 0 {
			text, fragment = text[:i], "#"+hidden
		}
	}
	address, query, has := strings.Cut(text, "?")
	if !has {
		return text + fragment
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, value, assigned := strings.Cut(pair, "=")
		switch {
		case pair == "" || d.plain(name, value):
		case assigned:
			pairs[i] = name + "=" + hidden
		default:
			pairs[i] = hidden
		}
	}
	return address + "?" + strings.Join(pairs, "&") + fragment
}

// plain reports whether a parameter, as it is written, is known to hold no secret.
func (d DSN) plain(name, value string) bool {
	decoded, err := url.QueryUnescape(name)
	if err != nil {
		return false
	}
	decoded = strings.ToLower(decoded)
	if d.Scheme == SchemeSQLite && decoded == "_pragma" {
		text, err := url.QueryUnescape(value)
		return err == nil && plainPragma(text)
	}
	return slices.Contains(plainOptions(d.Scheme), decoded)
}

// plainOptions are the parameters that are shown, in lower case.
func plainOptions(scheme string) []string {
	switch scheme {
	case SchemePostgres:
		return []string{
			"host", "port", "dbname", "database", "user", "service", "servicefile", "passfile",
			"sslmode", "sslcert", "sslkey", "sslrootcert", "sslcertmode", "sslnegotiation", "sslsni",
			"krbspn", "krbsrvname", "gssencmode", "channel_binding", "require_auth", "connect_timeout",
			"target_session_attrs", "min_protocol_version", "max_protocol_version",
			"application_name", "fallback_application_name", "client_encoding", "search_path", "timezone",
			"datestyle", "intervalstyle", "extra_float_digits", "statement_timeout", "lock_timeout",
			"idle_in_transaction_session_timeout", "default_query_exec_mode",
			"default_transaction_isolation", "default_transaction_read_only",
			"statement_cache_capacity", "description_cache_capacity", "pool_max_conns", "pool_min_conns",
			"pool_max_conn_lifetime", "pool_max_conn_idle_time", "pool_health_check_period",
		}
	case SchemeMySQL:
		return []string{
			"socket", "allowallfiles", "allowcleartextpasswords", "allowfallbacktoplaintext",
			"allownativepasswords", "allowoldpasswords", "checkconnliveness", "clientfoundrows",
			"charset", "collation", "columnswithalias", "compress", "interpolateparams", "loc",
			"multistatements", "parsetime", "timetruncate", "readtimeout", "rejectreadonly",
			"serverpubkey", "strict", "timeout", "tls", "writetimeout", "maxallowedpacket",
			"autocommit", "time_zone", "sql_mode", "tx_isolation", "transaction_isolation",
			"wait_timeout", "innodb_lock_wait_timeout", "max_execution_time", "max_statement_time",
			"foreign_key_checks",
		}
	case SchemeSQLite:
		return []string{
			"mode", "cache", "immutable", "nolock", "psow", "vfs", "_dqs", "_defensive", "_error_rc",
			"_query_only", "_time_format", "_time_integer_format", "_timezone", "_txlock",
			"_inttotime", "_texttotime",
		}
	}
	return nil
}

// pragmaForm is a pragma with a plain value: name(value) or name=value.
var pragmaForm = regexp.MustCompile(`^\s*([a-z_]+)\s*(?:\(\s*'?[a-z0-9_-]*'?\s*\)|=\s*'?[a-z0-9_-]*'?)?\s*$`)

// plainPragma reports whether a pragma is known to hold no secret, as the keys of
// encrypted databases are.
func plainPragma(text string) bool {
	m := pragmaForm.FindStringSubmatch(strings.ToLower(text))
	return m != nil && slices.Contains([]string{
		"application_id", "auto_vacuum", "automatic_index", "busy_timeout", "cache_size", "cache_spill",
		"case_sensitive_like", "cell_size_check", "defer_foreign_keys", "encoding", "foreign_keys",
		"fullfsync", "ignore_check_constraints", "journal_mode", "journal_size_limit",
		"legacy_alter_table", "locking_mode", "max_page_count", "mmap_size", "page_size", "query_only",
		"read_uncommitted", "recursive_triggers", "secure_delete", "synchronous", "temp_store",
		"threads", "trusted_schema", "user_version", "wal_autocheckpoint",
	}, m[1])
}
