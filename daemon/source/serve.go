package source

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"volundr/store"
)

// Git serves, to the session that a request comes from, the remotes of its
// launch request: /git/<key>/info/refs, git-upload-pack, git-receive-pack as
// git's smart HTTP protocol, and archive, a tar of a local folder.
func (s *Sources) Git() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /git/{key}/info/refs", s.own(s.advertise))
	mux.HandleFunc("POST /git/{key}/git-upload-pack", s.own(s.service("upload-pack")))
	mux.HandleFunc("POST /git/{key}/git-receive-pack", s.own(s.service("receive-pack")))
	mux.HandleFunc("GET /git/{key}/archive", s.own(s.archive))
	return mux
}

type handler func(http.ResponseWriter, *http.Request, Remote, origin)

// own lets a request pass when it is for a remote of the session's own.
func (s *Sources) own(next handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		key, rest := cutKey(r.PathValue("key"))
		remote, o, err := s.byKey(r.Context(), s.Session(r.Context()), key)
		if errors.Is(err, store.ErrNotFound) {
			problem(w, http.StatusNotFound, "This session has no such remote.")
			return
		}
		if err != nil {
			problem(w, http.StatusBadGateway, err.Error())
			return
		}
		if rest != "" {
			elsewhere(w, r, remote.Repo, rest)
			return
		}
		if remote.password != "" {
			if err := s.DB.AuditUse(r.Context(), o.row, "login for "+remote.host()); err != nil {
				problem(w, http.StatusServiceUnavailable, "The use of a login could not be noted: "+err.Error())
				return
			}
		}
		next(w, r, remote, o)
	}
}

// cutKey takes from a path what follows the key: a session's git puts our address
// for the beginning of every one that begins like its remote's.
func cutKey(path string) (key, rest string) {
	key, rest = path[:min(keySize, len(path))], path[min(keySize, len(path)):]
	if rest == ".git" { // the same repository
		rest = ""
	}
	return key, rest
}

// elsewhere leads the session's git to the repository that it meant, whose
// address only begins like that of its own.
func elsewhere(w http.ResponseWriter, r *http.Request, repo, rest string) {
	if strings.HasPrefix(repo, "http") && r.Method == http.MethodGet {
		service := url.Values{"service": {r.URL.Query().Get("service")}}
		http.Redirect(w, r, repo+url.PathEscape(rest)+"/info/refs?"+service.Encode(), http.StatusFound)
		return
	}
	http.Error(w, repo+rest+" is none of this session's repositories: name it when you create one, or clone it by https.", http.StatusNotFound) // git shows it
}

func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"detail": detail})
}

var protocol = regexp.MustCompile(`^version=[0-2]$`)

// options of the services: nothing of ours is shown, and a push is bounded.
var serviceOptions = []string{"-c", "receive.maxInputSize=4294967296", "-c", "receive.autogc=false", "-c", "uploadpack.allowAnySHA1InWant=false",
	"-c", "receive.denyDeleteCurrent=ignore"}

// advertise refreshes the mirror and tells its refs. What keeps it from that is
// told in the protocol, so that git shows the sentence.
func (s *Sources) advertise(w http.ResponseWriter, req *http.Request, r Remote, _ origin) {
	service := req.URL.Query().Get("service")
	if service != "git-upload-pack" && service != "git-receive-pack" {
		problem(w, http.StatusForbidden, "Only git's smart HTTP protocol is served here.")
		return
	}
	unlock, err := s.lock(req.Context(), r.place())
	if err != nil {
		problem(w, http.StatusServiceUnavailable, "The mirror is busy: try again.")
		return
	}
	defer unlock()
	w.Header().Set("Content-Type", "application/x-"+service+"-advertisement")
	w.Header().Set("Cache-Control", "no-store")
	if err := s.refresh(req.Context(), r); err != nil {
		s.Log.Warn("Git mirror not refreshed", "remote", r.Repo, "err", err)
		packet(w, "# service="+service+"\n")
		io.WriteString(w, "0000")
		packet(w, "ERR "+err.Error())
		return
	}
	var out strings.Builder
	cmd := s.command(req.Context(), r, append(serviceOptions, strings.TrimPrefix(service, "git-"), "--stateless-rpc", "--advertise-refs", s.mirror(r))...)
	cmd.Env = append(cmd.Env, spoken(req)...)
	cmd.Stdout = &limited{w: &out, left: 256 << 20}
	if err := s.finish(req.Context(), cmd, r); err != nil {
		problem(w, http.StatusBadGateway, err.Error())
		return
	}
	packet(w, "# service="+service+"\n")
	io.WriteString(w, "0000"+out.String())
}

// spoken is the protocol version that the session's git asked for.
func spoken(req *http.Request) []string {
	if v := req.Header.Get("Git-Protocol"); protocol.MatchString(v) {
		return []string{"GIT_PROTOCOL=" + v}
	}
	return nil
}

// service runs one side of a transfer on the mirror.
func (s *Sources) service(name string) handler {
	return func(w http.ResponseWriter, req *http.Request, r Remote, o origin) {
		if req.Header.Get("Content-Type") != "application/x-git-"+name+"-request" {
			problem(w, http.StatusUnsupportedMediaType, "Only git's smart HTTP protocol is served here.")
			return
		}
		var body io.Reader = req.Body
		if req.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(body)
			if err != nil {
				problem(w, http.StatusBadRequest, "The body is not gzip.")
				return
			}
			body = z
		}
		options := serviceOptions
		if name == "receive-pack" {
			told := bufio.NewReaderSize(body, maxCommands)
			body = told
			unlock, err := s.lock(req.Context(), r.place())
			if err != nil {
				problem(w, http.StatusServiceUnavailable, "The mirror is busy: try again.")
				return
			}
			defer unlock()
			pusher := store.Principal{UserID: o.row.OwnerID, TenantID: o.row.TenantID, By: "session " + o.row.ID}
			if err := s.DB.Audit(req.Context(), pusher, store.ActPush, o.row.ID, map[string]string{"name": o.row.Name, "remote": r.Repo, "refs": pushed(told)}); err != nil {
				problem(w, http.StatusServiceUnavailable, "The push could not be noted: "+err.Error())
				return
			}
			options = append(options[:len(options):len(options)], "-c", "core.hooksPath="+s.hooks)
		}
		cmd := s.command(req.Context(), r, append(options[:len(options):len(options)], name, "--stateless-rpc", s.mirror(r))...)
		cmd.Env = append(cmd.Env, s.pushEnv(r, o)...)
		cmd.Env = append(cmd.Env, spoken(req)...)
		w.Header().Set("Content-Type", "application/x-git-"+name+"-result")
		w.Header().Set("Cache-Control", "no-store")
		cmd.Stdin, cmd.Stdout = body, flushing{w}
		// What failed was told in the protocol, or shows as an answer cut short.
		if err := s.finish(req.Context(), cmd, r); err != nil {
			s.Log.Info("Git transfer ended early", "service", name, "remote", r.Repo, "err", err)
		}
	}
}

// flushing passes progress on as it comes.
type flushing struct{ http.ResponseWriter }

func (f flushing) Write(p []byte) (int, error) {
	n, err := f.ResponseWriter.Write(p)
	if err == nil {
		http.NewResponseController(f.ResponseWriter).Flush()
	}
	return n, err
}

// packet writes one packet line; what is too long for one is cut.
func packet(w io.Writer, text string) {
	text = text[:min(len(text), 65516)]
	fmt.Fprintf(w, "%04x%s", len(text)+4, text)
}
