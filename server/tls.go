package server

import "crypto/tls"

// TLSConfig is how Writ speaks TLS: 1.3, or 1.2 with forward secrecy and authenticated encryption. The certificate is asked for at each
// handshake, so that it can be replaced while the server runs.
//
// HTTP/2 is not offered. The watch on the framing of requests reads HTTP/1.1; a proxy in front may speak HTTP/2 to clients.
func TLSConfig(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		GetCertificate: certificate,
		MinVersion:     tls.VersionTLS12,
		// Of 1.2 only; those of 1.3 are all good and not for choice.
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos: []string{"http/1.1"},
	}
}
