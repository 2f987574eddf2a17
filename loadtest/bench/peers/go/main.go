// A reverse proxy of Go's standard library that lets so many requests run at once.
//
// It does what a sidecar has to do at the least: limit concurrency, forward, stream. It keeps
// connections to the upstream and reuses its copy buffers, as Knative's queue-proxy does.
package main

import (
	"flag"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
)

const (
	bufferBytes     = 32 * 1024
	idleConnections = 1000
)

type bufferPool struct{ pool sync.Pool }

func (b *bufferPool) Get() []byte {
	if buffer, ok := b.pool.Get().(*[]byte); ok {
		return *buffer
	}
	return make([]byte, bufferBytes)
}

func (b *bufferPool) Put(buffer []byte) { b.pool.Put(&buffer) }

func newProxy(upstream *url.URL) *httputil.ReverseProxy {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.DisableCompression = true
	transport.MaxIdleConns = idleConnections
	transport.MaxIdleConnsPerHost = idleConnections
	return &httputil.ReverseProxy{
		Rewrite: func(request *httputil.ProxyRequest) {
			request.SetURL(upstream)
			request.SetXForwarded()
			request.Out.Host = request.In.Host
		},
		Transport:  transport,
		BufferPool: &bufferPool{},
	}
}

func limited(next http.Handler, limit int) http.Handler {
	slots := make(chan struct{}, limit)
	return http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			next.ServeHTTP(answer, request)
		case <-request.Context().Done():
		}
	})
}

func main() {
	listen := flag.String("listen", "127.0.0.1:8012", "host and port")
	target := flag.String("upstream", "http://127.0.0.1:8080", "URL")
	limit := flag.Int("limit", 10, "requests at once")
	flag.Parse()
	upstream, err := url.Parse(*target)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(*listen, limited(newProxy(upstream), *limit)))
}
