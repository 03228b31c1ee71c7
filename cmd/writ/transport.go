package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// reservedFiles are descriptors for everything but clients' connections: database, certificates, processes that hash passwords.
const reservedFiles = 128

// parseProxies reads addresses and networks. A network of everybody is refused: whoever is trusted may claim any address.
func parseProxies(value string, into *[]netip.Prefix) error {
	*into = nil
	for part := range strings.SplitSeq(value, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		prefix, err := parseNetwork(part)
		if err != nil {
			return errors.New("each must be an IP address or a network, such as 10.0.0.7 or 10.0.0.0/8")
		}
		if prefix.Bits() == 0 {
			return errors.New("must not trust every address there is: name the proxies")
		}
		*into = append(*into, prefix.Masked())
	}
	return nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		return netip.ParsePrefix(text)
	}
	address, err := netip.ParseAddr(text)
	if err != nil || address.Zone() != "" {
		return netip.Prefix{}, errors.New("not an address")
	}
	address = address.Unmap()
	return netip.PrefixFrom(address, address.BitLen()), nil
}

func (c *configuration) hasTLS() bool { return c.tlsCert != "" }

// scheme is how clients reach this process.
func (c *configuration) scheme() string {
	if c.hasTLS() {
		return "https"
	}
	return "http"
}

// checkTransport refuses what would send passwords and tokens in the clear, and what cannot work. It concerns a process that listens.
func (c *configuration) checkTransport() (problems []string) {
	host, _, _ := net.SplitHostPort(c.listen)
	if !isLoopback(host) && !c.hasTLS() && len(c.trustedProxies) == 0 && !c.insecurePlainHTTP {
		problems = append(problems, fmt.Sprintf("listen: %q can be reached from other machines, and Writ would speak plain HTTP there: set tls-cert and tls-key, "+
			"or trusted-proxies to the addresses of a proxy that speaks TLS, or insecure-plain-http=on if nobody else can reach it", c.listen))
	}
	if c.hasTLS() && strings.HasPrefix(c.publicURL, "http:") {
		problems = append(problems, fmt.Sprintf("public-url: %q is not what clients use, because tls-cert is set: it must begin with https://", c.publicURL))
	}
	return problems
}

// connectionLimit is max-connections, or what the operating system lets this process open.
func (c *configuration) connectionLimit() (limit int, lowered bool) {
	files, known := openFiles()
	if most := files - reservedFiles; known && most < c.maxConnections {
		return max(most, 1), true
	}
	return c.maxConnections, false
}
