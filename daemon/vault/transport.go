package vault

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"time"
)

// transport speaks to providers. It follows no redirects, verifies certificates
// and uses the system's proxy settings.
func transport(roots *x509.CertPool) http.RoundTripper {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    15 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        90 * time.Second,
		ResponseHeaderTimeout:  15 * time.Minute, // an answer that is not streamed is thought out first
		MaxResponseHeaderBytes: 256 << 10,
		DisableCompression:     true,
	}
}
