package server

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// hstsOneYear makes browsers come back by TLS only (RFC 6797); it says nothing about other names of the domain.
var hstsOneYear = []string{"max-age=31536000"}

// proxied marks the address of this machine on requests that did not begin here. No longer an address, it counts as a source like any
// other, and what only this machine may do is not done for it.
const proxied = " (proxied)"

// origin is where a request comes from.
type origin struct {
	// source is the caller's IP address: the connection's, or what a declared proxy says.
	source string
	secure bool // the caller speaks TLS, with Writ or with a declared proxy
	// trusted says that the request comes from a declared proxy.
	trusted bool
}

// originOf finds out where a request comes from. What a header says counts only if it comes from a declared proxy: anybody can send one.
func (s *Server) originOf(r *http.Request) origin {
	o := origin{source: r.RemoteAddr, secure: s.TLS != nil}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		o.source = host
	}
	peer, err := netip.ParseAddr(o.source)
	if err != nil {
		return o // the command line, which needs no connection
	}
	here := peer.Unmap().IsLoopback() && !isForwarded(r)
	if o.trusted = s.trusts(peer); o.trusted {
		if client := s.client(peer, r.Header); client != peer {
			peer, o.source = client, client.String()
		}
		o.secure = o.secure || forwardedProto(r.Header) == "https"
	} else if !here && peer.Unmap().IsLoopback() && s.undeclaredProxy.CompareAndSwap(false, true) {
		s.Logger.WarnContext(r.Context(), "requests come through a proxy on this machine that trusted-proxies does not name: its clients cannot be told apart")
	}
	if !here && peer.Unmap().IsLoopback() {
		o.source += proxied
	}
	return o
}

// settle puts the origin where everything else looks for it, pages included.
func (s *Server) settle(w http.ResponseWriter, r *http.Request) {
	o := s.originOf(r)
	r.RemoteAddr = o.source
	// Anybody else could have everything recorded, or write into the traces of others.
	if s.Tracer != nil && !o.trusted {
		r.Header.Del("Traceparent")
		r.Header.Del("Tracestate")
	}
	if o.secure && s.https {
		w.Header()["Strict-Transport-Security"] = hstsOneYear
	}
}

// isForwarded tells whether a request from this machine began elsewhere. Proxies say so in a header; those that say nothing at all pass on
// the name that the client has asked for, or speak HTTP/1.0.
func isForwarded(r *http.Request) bool {
	for name := range r.Header {
		switch name {
		case "Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip":
			return true
		}
		if strings.HasPrefix(name, "X-Forwarded-") {
			return true
		}
	}
	return !r.ProtoAtLeast(1, 1) || !isThisMachine(r.Host)
}

// isThisMachine tells whether a Host header names this machine as only its own programs do.
func isThisMachine(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && address.Unmap().IsLoopback()
}

func (s *Server) trusts(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	return slices.ContainsFunc(s.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(address) })
}

// client is the address of the nearest hop that is not a declared proxy: what stands further left was written by somebody else. If all are
// declared it is the first of them. X-Forwarded-For counts if there is one, else Forwarded: most proxies write the former, and leave
// the latter as the client has sent it.
func (s *Server) client(peer netip.Addr, header http.Header) netip.Addr {
	values, node := header["X-Forwarded-For"], forwardedNode
	if len(values) == 0 {
		values, node = header["Forwarded"], forwardedFor
	}
	nearest := peer
	for _, value := range slices.Backward(values) {
		elements, err := splitElements(value)
		if err != nil {
			return nearest
		}
		for _, element := range slices.Backward(elements) {
			if element == "" {
				continue // RFC 9110 §5.6.1.2: an empty element of a list is none
			}
			address, known := node(element)
			if !known {
				return nearest // a hidden hop: the one before it is the last that can be named
			}
			if nearest = address; !s.trusts(address) {
				return nearest
			}
		}
	}
	return nearest
}

// forwardedNode reads an address with or without a port, an IPv6 one in brackets if it has a port (RFC 7239 §6).
func forwardedNode(text string) (netip.Addr, bool) {
	if with, err := netip.ParseAddrPort(text); err == nil {
		return with.Addr().Unmap().WithZone(""), true
	}
	if inner, is := strings.CutPrefix(text, "["); is {
		text = strings.TrimSuffix(inner, "]")
	}
	address, err := netip.ParseAddr(text)
	return address.Unmap().WithZone(""), err == nil
}
