package middleware

import (
	"fmt"
	"net/netip"
	"strings"
)

// ParseProxies reads networks ("10.0.0.0/8", "fd00::/8") and single addresses.
func ParseProxies(networks ...string) ([]netip.Prefix, error) {
	prefixes := make([]netip.Prefix, 0, len(networks))
	for _, n := range networks {
		prefix, err := netip.ParsePrefix(n)
		if err != nil {
			addr, single := netip.ParseAddr(n)
			if single != nil {
				return nil, fmt.Errorf("read network %q of trusted proxies: %w", n, err)
			}
			addr = plain(addr)
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		if prefix.Addr().Is4In6() {
			if prefix.Bits() < 96 {
				return nil, fmt.Errorf("read network %q of trusted proxies: "+
					"it is wider than the IPv4 addresses in it; write it as IPv4", n)
			}
			prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
		}
		prefixes = append(prefixes, prefix.Masked())
	}
	return prefixes, nil
}

// plain is an address without its zone, which means something on its own host
// only, and IPv4 as IPv4.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// peerOf is the address of the connection; invalid where it has none, as with a
// Unix socket.
func peerOf(remote string) netip.Addr {
	if ap, err := netip.ParseAddrPort(remote); err == nil {
		return plain(ap.Addr())
	}
	a, _ := netip.ParseAddr(remote)
	return plain(a)
}

// each visits the addresses of a header from the last to the first, until visit
// returns false. ok is false for what is no address.
type each func(values []string, visit func(addr netip.Addr, ok bool) bool)

var (
	_ each = forwardedFor
	_ each = forwarded
)

// forwardedFor reads X-Forwarded-For.
func forwardedFor(values []string, visit func(netip.Addr, bool) bool) {
	for i := len(values) - 1; i >= 0; i-- {
		for rest, more := values[i], true; more; {
			element := rest
			if at := strings.LastIndexByte(rest, ','); at >= 0 {
				rest, element = rest[:at], rest[at+1:]
			} else {
				more = false
			}
			if !visit(node(strings.Trim(element, " \t"))) {
				return
			}
		}
	}
}

// node reads an address with or without a port: 192.0.2.1, 192.0.2.1:80,
// 2001:db8::1, [2001:db8::1], [2001:db8::1]:80.
func node(s string) (netip.Addr, bool) {
	host := s
	if inner, ok := strings.CutPrefix(s, "["); ok {
		var port string
		host, port, ok = strings.Cut(inner, "]")
		if !ok || !strings.Contains(host, ":") || (port != "" && !isPort(port)) {
			return netip.Addr{}, false
		}
	} else if at := strings.IndexByte(s, ':'); at >= 0 && at == strings.LastIndexByte(s, ':') {
		if !isPort(s[at:]) {
			return netip.Addr{}, false
		}
		host = s[:at]
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}, false
	}
	return plain(addr), true
}

// isPort reports whether s is a colon and a port, or the name that RFC 7239 lets
// a proxy write in place of one.
func isPort(s string) bool {
	s, ok := strings.CutPrefix(s, ":")
	if !ok || s == "" {
		return false
	}
	name := s[0] == '_'
	for i := range len(s) {
		c := s[i]
		digit := c >= '0' && c <= '9'
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("._-", c) >= 0
		if !digit && (!name || !letter) {
			return false
		}
	}
	return name || len(s) <= 5
}
