package broker_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"volundr/runtime/broker/pack"
	"volundr/runtime/broker/wire"
)

// pack asks for a pack and wants it whole.
func (d *daemon) pack(what string) (b []byte, digest string) {
	d.t.Helper()
	res, err := d.http.Get("http://session/v1/pack/" + what)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err = io.ReadAll(res.Body)
	if digest = res.Trailer.Get(wire.TrailerDigest); err != nil || res.StatusCode != 200 || digest == "" {
		d.t.Fatalf("pack %s: %d %v, trailer %v: %.300s", what, res.StatusCode, err, res.Trailer, b)
	}
	sum, err := pack.Read(bytes.NewReader(b), pack.Limits{}, func(pack.Entry, io.Reader) error { return nil })
	if err != nil || sum.Digest != digest {
		d.t.Fatalf("pack %s has the digest %s instead of %s: %v", what, sum.Digest, digest, err)
	}
	return b, digest
}

func (d *daemon) unpack(what, digest string, b []byte) (int, string) {
	d.t.Helper()
	req, err := http.NewRequest("PUT", "http://session/v1/pack/"+what, bytes.NewReader(b))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set(wire.TrailerDigest, digest)
	res, err := d.http.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	out, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(out)
}

// serve gives the session packs by their digests.
func serve(d *daemon, packs map[string][]byte) {
	mux := http.NewServeMux()
	mux.Handle("/", d.outside)
	for digest, b := range packs {
		mux.HandleFunc(wire.OutsideBlobs+digest, func(w http.ResponseWriter, _ *http.Request) { w.Write(b) })
	}
	d.outside = mux
}

// helper starts the session's containers for its volumes only.
func (d *daemon) helper() {
	d.t.Helper()
	d.pod.config.Helper = true
	d.pod.up()
	d.connect()
	until(d.t, 30*time.Second, "the helper to answer", func() bool {
		var h wire.Health
		return d.get("/v1/health", &h) == 200 && h.Ready()
	})
}

// A session's volumes, packed and removed, come back as they were.
func TestArchive(t *testing.T) {
	p := newPod(t, claude(""))
	d := newDaemon(t, p)
	p.up()
	d.connect()
	d.ready()
	d.prompt("a1", "say something")
	d.end("a1")
	p.exec(`cd /workspace && git init -q && echo x > f && git add f && git -c user.name=a -c user.email=a@x commit -q -m x && echo ignored > .gitignore && echo i > ignored && mkdir ro && chmod 555 ro && touch .git/index.lock`)
	if res, err := d.http.Get("http://session/v1/pack/volume-home"); err != nil || res.StatusCode != 409 {
		t.Errorf("a volume of a session that runs: %v %v, want 409", res.StatusCode, err)
	}
	const look = `cd / && find workspace home/volundr -printf '%p %m %s %T@ %l\n' | grep -v ' home/volundr 7' | sort; cd /workspace; rm -f .git/index.lock; git status --porcelain`
	d.cut()
	p.down()
	d.helper()
	volumes := []string{"workspace", "home", "journal"}
	packs, digests := map[string][]byte{}, map[string]string{}
	for _, v := range volumes {
		packs[v], digests[v] = d.pack("volume-" + v)
	}
	want := p.exec(look)
	d.cut()
	p.down()
	for _, v := range volumes {
		p.docker("volume", "rm", p.name+"-"+v)
	}
	d.helper()
	for _, v := range volumes {
		if code, body := d.unpack("volume-"+v, strings.Repeat("0", 64), packs[v]); code != 422 {
			t.Errorf("unpack %s with another digest: %d %s, want 422", v, code, body)
		}
		if code, body := d.unpack("volume-"+v, digests[v], packs[v]); code != 204 {
			t.Fatalf("unpack %s: %d %s", v, code, body)
		}
		if code, body := d.unpack("volume-"+v, digests[v], packs[v]); code != 409 || !strings.Contains(body, "already") {
			t.Errorf("unpack %s again: %d %s, want 409", v, code, body)
		}
		if _, again := d.pack("volume-" + v); again != digests[v] {
			t.Errorf("%s packs differently after it came back", v)
		}
	}
	if got := p.exec(look); got != want {
		t.Errorf("the volumes came back as\n%s\nwant\n%s", got, want)
	}
	if _, digest := d.pack("context"); digest == "" {
		t.Error("a helper packs no context")
	}
	d.cut()
	p.down()
	p.config.Helper = false
	p.up()
	d.connect()
	d.ready()
	d.prompt("a2", "and again")
	d.end("a2")
	if !remembers(d, "say something") {
		t.Error("the model was not told the conversation's beginning")
	}
}

// A fresh session goes on with the workspace and the conversation of another,
// whatever the agent.
func TestGoesOn(t *testing.T) {
	for _, agent := range []wire.Agent{{Kind: "claude"}, {Kind: "codex", Model: "gpt-5.5"}} {
		t.Run(agent.Kind, func(t *testing.T) {
			p := newPod(t, wire.Config{Agent: agent})
			d := newDaemon(t, p)
			p.up()
			d.connect()
			d.ready()
			if res, err := d.http.Get("http://session/v1/pack/context"); err != nil || res.StatusCode != 404 {
				t.Errorf("a context before the first word: %v %v, want 404", res.StatusCode, err)
			}
			d.prompt("g1", "say something")
			d.end("g1")
			p.exec(`cd /workspace && git init -q -b main && echo x > f && git add f && git -c user.name=a -c user.email=a@x commit -q -m x && echo dirty > f && echo new > g && git remote add origin https://elsewhere.example/x.git`)
			const look = `cd /workspace; git log --format=%H; git status --porcelain; cat f g; ls -A`
			want := p.exec(look)
			packs := map[string][]byte{}
			source := wire.Source{Remote: "r", URL: "https://git.example/x.git"}
			packs["workspace"], source.Workspace = d.pack("workspace")
			packs["context"], source.Context = d.pack("context")
			t.Logf("workspace %d bytes, context %d bytes", len(packs["workspace"]), len(packs["context"]))
			before := all[wire.AgentState](d, "", wire.EntryAgent)
			d.cut()
			p.down()

			next := newPod(t, wire.Config{Agent: agent, Source: source})
			e := newDaemon(t, next)
			serve(e, map[string][]byte{source.Workspace: packs["workspace"], source.Context: packs["context"]})
			next.up()
			e.connect()
			e.ready()
			if got := next.exec(look); got != want {
				t.Errorf("the workspace is\n%s\nwant\n%s", got, want)
			}
			if got := next.exec("cd /workspace && git config remote.origin.url"); got != source.URL {
				t.Errorf("origin is %s", got)
			}
			states := all[wire.AgentState](e, "", wire.EntryAgent)
			if last := states[len(states)-1]; last.State != "resumed" || last.Session != before[0].Session {
				t.Errorf("agent began as %+v, want %s resumed", last, before[0].Session)
			}
			e.prompt("g2", "and again")
			if end := e.end("g2"); end.StopReason != "end_turn" {
				t.Errorf("turn ended as %+v", end)
			}
			if !remembers(e, "say something") {
				t.Error("the model was not told the conversation's beginning")
			}
		})
	}
}
