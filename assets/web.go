package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed web
var web embed.FS

// Prefix is where Web is mounted.
const Prefix = "/assets/"

// version is the fingerprint of everything in web: one for all, so that
// scripts can import each other by relative URLs.
var version = sync.OnceValue(func() string {
	sum := sha256.New()
	err := fs.WalkDir(web, "web", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := web.ReadFile(name)
		sum.Write([]byte(name + "\n"))
		sum.Write(b)
		return err
	})
	if err != nil {
		panic(err) // an embedded file that cannot be read
	}
	return hex.EncodeToString(sum.Sum(nil)[:6])
})

// URL is the fingerprinted path of a file in web ("app.css").
func URL(name string) string { return Prefix + version() + "/" + name }

// Web serves the files below Prefix: for ever fresh under their fingerprint,
// to be asked again under an older one (a page that outlived an upgrade).
func Web() http.Handler {
	var cache sync.Map // name → *file
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fingerprint, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, Prefix), "/")
		f, ok := cache.Load(name)
		if !ok {
			b, err := web.ReadFile("web/" + name)
			if err != nil {
				http.NotFound(w, r)
				return
			}
			f, _ = cache.LoadOrStore(name, &file{plain: b, zipped: zip(b), kind: kind(name)})
		}
		h := w.Header()
		h.Set("Content-Type", f.(*file).kind)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Vary", "Accept-Encoding")
		h.Set("Cache-Control", "no-cache")
		if fingerprint == version() {
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		body := f.(*file).plain
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			body = f.(*file).zipped
		}
		if r.Method != http.MethodHead {
			w.Write(body)
		}
	})
}

type file struct {
	plain, zipped []byte
	kind          string
}

func kind(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.TypeByExtension(path.Ext(name))
}

func zip(b []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	w.Write(b)
	w.Close()
	return out.Bytes()
}
