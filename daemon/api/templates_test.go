package api

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/launch"
	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/store"
	"volundr/ui/client"
)

// write puts a file into the configuration directory.
func (w *world) write(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func TestTemplatesAndProfilesAsTheContractSays(t *testing.T) {
	w := newWorld(t)
	all := parse[[]map[string]any](t, w.wants("GET", "/templates", "", 200, `"name":"blank"`))
	if len(all) != 1 {
		t.Errorf("%v", all)
	}
	for _, key := range []string{"name", "description", "repos", "setup_scripts", "workspace_layout", "is_default", "workload_type", "model", "system_prompt",
		"resource_config", "mcp_servers", "env_vars", "env_secret_refs", "workload_config", "session_definition"} {
		if _, ok := all[0][key]; !ok {
			t.Errorf("the contract's %s is missing", key)
		}
	}
	w.wants("GET", "/templates?workload_type=other", "", 200, "[]")
	w.wants("GET", "/templates/blank", "", 200, `"repos":[]`)
	w.wants("GET", "/templates/none", "", 404, "Template not found: none")
	w.wants("GET", "/profiles", "", 200, "[]")

	saved := w.wants("POST", "/templates", `{"name":"billing","description":"d","repos":[{"url":"https://a/b","branch":"main"}],"setup_scripts":["make"],"env_vars":{"A":"1"},
		"resource_config":{"cpu":2},"model":"m","system_prompt":"s","request":{"files":["x"],"mode":"plan"}}`, 201, `"name":"billing"`)
	again := w.wants("GET", "/templates/billing", "", 200, "")
	if saved != again {
		t.Errorf("saved %s, read %s", saved, again)
	}
	v := parse[client.Template](t, again)
	if diff := cmp.Diff([]client.TemplateRepo{{URL: "https://a/b", Branch: "main"}}, v.Repos); diff != "" || v.EnvVars["A"] != "1" || *v.Model != "m" || !strings.Contains(string(v.Request), `"files":[{"from":"x"}]`) {
		t.Errorf("%s %s", diff, again)
	}
	w.wants("POST", "/templates", `{"name":"billing"}`, 409, `There is a template \"billing\" already`)
	w.wants("PUT", "/templates/billing", `{"model":"m2"}`, 200, `"model":"m2"`)
	w.wants("GET", "/templates/billing", "", 200, `"setup_scripts":["make"]`)
	w.wants("POST", "/templates", `{"name":"../up"}`, 400, "A name is made of letters")
	w.wants("POST", "/templates", `{}`, 422, `"missing"`)
	w.wants("POST", "/templates", `{"name":"x","mcp_servers":[{"type":"stdio"}]}`, 422, "mcp_servers")
	w.wants("GET", "/mcp-servers", "", 200, "[]")
	tooled := w.wants("POST", "/templates", `{"name":"tooled","mcp_servers":[{"name":"tracker","command":"npx","args":["x"],"description":"Issues","env_from_credentials":{"KEY":"tracker"}}]}`, 201, `"name":"tracker"`)
	if v := parse[client.Template](t, tooled); len(v.MCPServers) != 1 || v.MCPServers[0]["type"] != "stdio" {
		t.Errorf("%s", tooled)
	}
	w.wants("GET", "/mcp-servers", "", 200, `[{"name":"tracker","type":"stdio","command":"npx","url":null,"args":["x"],"description":"Issues"}]`)
	w.wants("GET", "/mcp-servers/tracker", "", 200, `"name":"tracker"`)
	w.wants("POST", "/sessions", `{"name":"a","template_name":"tooled"}`, 422, "which the MCP server tracker needs")
	w.wants("DELETE", "/templates/tooled", "", 204, "")
	w.wants("POST", "/profiles", `{"name":"large","resource_config":{"memory":"8Gi"},"is_default":true}`, 201, `"is_default":true`)
	w.wants("POST", "/profiles", `{"name":"small","resource_config":{"memory":"8"}}`, 400, "at least 1Gi")
	w.wants("PUT", "/profiles/large", `{"resource_config":{"cpu":4}}`, 200, `"memory":"8Gi"`)
	w.wants("DELETE", "/profiles/large", "", 204, "")
	w.wants("DELETE", "/templates/billing", "", 204, "")
	w.wants("DELETE", "/templates/billing", "", 404, "Template not found: billing")

	w.write("templates/broken.yaml", "agent: claude\nmodell: m\n")
	w.wants("GET", "/templates/broken", "", 200, `broken.yaml:2: there is no key \"modell\" here: did you mean \"model\"?"`)
	w.wants("POST", "/sessions", `{"name":"a","template_name":"broken"}`, 422, `"loc":["body","template_name"]`)
	w.wants("POST", "/sessions", `{"name":"a","template_name":"brokn"}`, 422, `did you mean \"broken\"`)
	w.wants("POST", "/sessions", `{"name":"a","profile_name":"x"}`, 422, `"loc":["body","profile_name"]`)
	w.wants("POST", "/sessions", `{"name":"a","template_name":"blank"}`, 201, `"status":"starting"`)
}

// What a service keeps is in no archive, so that nothing is archived that has it.
func TestASessionWhoseServiceKeepsDataIsNotArchived(t *testing.T) {
	w := newWorld(t)
	keeps := w.created("keeps")
	if _, err := w.db.PatchSession(t.Context(), local, keeps.ID, store.SessionPatch{Request: json.RawMessage(`{"agent":"claude","services":[{"name":"db","image":"p","data":"/d"}]}`)}); err != nil {
		t.Fatal(err)
	}
	w.wants("POST", "/sessions/"+keeps.ID+"/archive", "", 409, "what its service db keeps is not packed in this version")
	w.wants("POST", "/sessions", `{"name":"a","services":[{"name":"db","image":"postgres:17","port":7421}]}`, 422, `"loc":["body","services",0,"port"]`)
	w.wants("POST", "/sessions", `{"name":"a","services":[{"name":"db","image":"postgres:17","user":0},{"name":"db","image":"x"}]}`, 422, `Two services cannot both be called`)
	w.wants("POST", "/sessions", `{"name":"a","services":[{"name":"db","image":"-v /:/host"}]}`, 422, `is no name of an image`)
}

// Each option of a session arrives in what its containers are made of: chosen
// by hand or by a template, at the first start, after a restart for which the
// template is gone, and in a session that is reforged from it.
func TestEveryOptionArrivesAgainAndAgain(t *testing.T) {
	w := newWorld(t)
	repo, lib := w.repository(), w.repositoryAt("lib")
	w.write("app/.env", "A=1")
	live := filepath.Join(w.dir, "live")
	if err := os.Mkdir(live, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{live, repo} {
		if os.Getuid() == 0 { // a session never works as root
			if err := os.Chown(dir, 1234, 1235); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, body := range []string{`{"name":"given","secret_type":"api_key","data":{"api_key":"g"}}`, `{"name":"words","data":{"WORD":"w"}}`, `{"name":"line","secret_type":"api_key","data":{"api_key":"l"}}`} {
		w.wants("POST", "/credentials", body, 201, "")
	}
	w.wants("POST", "/integrations", `{"integration_type":"issue_tracker","slug":"linear","credential_name":"line"}`, 201, "")
	launcher := w.options.Launch
	config := func(s runtime.Spec) (c wire.Config) {
		if err := json.Unmarshal([]byte(s.Parts[0].Env[wire.EnvConfig]), &c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	secrets := func(s runtime.Spec) any { return config(s).Secrets }
	env := func(name string) func(runtime.Spec) any {
		return func(s runtime.Spec) any {
			return s.Parts[1].Env[name] + " " + s.Parts[2].Env[name] + " " + s.Parts[3].Env[name]
		}
	}
	for _, c := range []struct {
		option, json, yaml string
		got                func(runtime.Spec) any
		want               any
	}{
		{"agent", `"agent":"codex"`, "agent: codex", func(s runtime.Spec) any { return config(s).Agent.Kind }, "codex"},
		{"agent of one's own", `"agent":"acp","command":["my","agent"]`, "{agent: acp, command: [my, agent]}", func(s runtime.Spec) any { return config(s).Agent.Command }, []string{"my", "agent"}},
		{"model", `"model":"m1"`, "model: m1", func(s runtime.Spec) any { return config(s).Agent.Model }, "m1"},
		{"mode", `"mode":"plan"`, "mode: plan", func(s runtime.Spec) any { return config(s).Agent.Mode }, "plan"},
		{"repository", `"source":{"type":"git","repo":"` + repo + `"}`, "source: {repo: " + repo + "}", func(s runtime.Spec) any { return config(s).Source.URL }, repo},
		{"branch", `"source":{"type":"git","repo":"` + repo + `","branch":"b","base_branch":"main"}`, "source: {repo: " + repo + ", branch: b, base_branch: main}",
			func(s runtime.Spec) any { return config(s).Source.Branch + " " + config(s).Source.Base }, "b main"},
		{"more repositories", `"source":{"type":"git","repo":"` + repo + `","additional_repos":[{"repo":"` + lib + `"},{"repo":"` + repo + `","branch":"b","base_branch":"main","folder":"again"}]}`,
			"source: {repo: " + repo + ", additional_repos: [{repo: " + lib + "}, {repo: " + repo + ", branch: b, base_branch: main, folder: again}]}",
			func(s runtime.Spec) any {
				src := config(s).Source
				for i := range src.Additional {
					src.Additional[i].Remote = ""
				}
				return []any{src.Folder, src.URL, src.Additional}
			}, []any{"app", repo, []wire.Checkout{{Folder: "lib", URL: lib}, {Folder: "again", URL: repo, Branch: "b", Base: "main"}}}},
		{"a folder's copy", `"source":{"type":"local_copy","local_path":"` + repo + `"}`, "source: {local_path: " + repo + "}", func(s runtime.Spec) any { return config(s).Source.Archive }, true},
		{"environment", `"env":{"A":"b c"}`, "env: {A: b c}", env("A"), "b c b c b c"},
		{"network", `"network":"none"`, "network: none", func(s runtime.Spec) any { return s.Network }, runtime.NetworkNone},
		{"CPU", `"resource_config":{"cpu":1.5}`, "resource_config: {cpu: 1.5}", func(s runtime.Spec) any { return s.Resources.CPU }, int64(1500)},
		{"memory", `"resource_config":{"memory":"4Gi"}`, "resource_config: {memory: 4Gi}", func(s runtime.Spec) any { return s.Resources.Memory }, int64(4 << 30)},
		{"image", `"image":"acme/go:1"`, "image: acme/go:1", func(s runtime.Spec) any {
			return s.Image + " " + s.Parts[0].Image + " " + s.Parts[1].Image + " " + s.Parts[2].Image + " " + s.Parts[3].Image
		}, "image  acme/go:1 acme/go:1 acme/go:1"},
		{"services", `"services":[{"name":"db","image":"postgres:17","port":5432,"env":{"A":"b"},"data":"/var/lib/postgresql/data","command":["-c","x"]},{"name":"q","image":"redis","user":999}]`,
			"services: [{name: db, image: 'postgres:17', port: 5432, env: {A: b}, data: /var/lib/postgresql/data, command: [-c, x]}, {name: q, image: redis, user: 999}]",
			func(s runtime.Spec) any { return []any{config(s).Services, s.Parts[4:]} },
			[]any{[]wire.Service{{Name: "db", Port: 5432}}, []runtime.Part{
				{Name: "service-db", Image: "postgres:17", Command: []string{"-c", "x"}, Env: map[string]string{"A": "b"}, UID: 1000, GID: 1000, Memory: 512 << 20,
					Mounts: []runtime.Mount{{Volume: "service-db", Path: "/var/lib/postgresql/data", UID: 1000, GID: 1000}}},
				{Name: "service-q", Image: "redis", UID: 999, GID: 999, Memory: 512 << 20}}}},
		{"GPU", `"resource_config":{"gpu":1}`, "resource_config: {gpu: 1}", func(s runtime.Spec) any { return s.Resources.GPU }, 1},
		{"system prompt", `"system_prompt":"Be brief."`, "system_prompt: Be brief.", func(s runtime.Spec) any { return config(s).Agent.SystemPrompt }, "Be brief."},
		{"setup scripts", `"setup_scripts":["make"]`, "setup_scripts: [make]", func(s runtime.Spec) any { return config(s).Setup }, []string{"make"}},
		{"MCP servers", `"mcp_servers":[{"name":"t","command":"node","args":["x"],"env":{"A":"b"}},{"name":"far","url":"https://mcp.example/x"}]`,
			"mcp_servers: [{name: t, command: node, args: [x], env: {A: b}}, {name: far, url: 'https://mcp.example/x'}]", func(s runtime.Spec) any { return config(s).Agent.MCP },
			[]wire.MCPServer{{Name: "t", Type: "stdio", Command: "node", Args: []string{"x"}, Env: map[string]string{"A": "b"}}, {Name: "far", Type: "http", URL: "https://mcp.example/x"}}},
		{"a live folder", `"source":{"type":"local_mount","local_path":"` + live + `","paths":[{"host_path":"` + repo + `","mount_path":"/mnt/a"}]}`,
			"source: {type: local_mount, local_path: " + live + ", paths: [{host_path: " + repo + ", mount_path: /mnt/a}]}", func(s runtime.Spec) any {
				var all []string
				for _, m := range s.Parts[1].Mounts {
					if m.Host == live || m.Host == repo {
						all = append(all, fmt.Sprint(filepath.Base(m.Host), " ", m.Path, " ", m.ReadOnly))
					}
				}
				return all
			}, []string{"live /workspace false", "app /mnt/a true"}},
		{"credentials", `"credential_names":["given"]`, "credential_names: [given]", secrets, true},
		{"credentials by their keys", `"env_secret_refs":["words"]`, "env_secret_refs: [words]", secrets, true},
		{"an integration", `"integration_ids":["linear"]`, "integration_ids: [linear]", func(s runtime.Spec) any { return config(s).Agent.MCP[0].Name }, "linear"},
		{"a credential of an MCP server", `"mcp_servers":[{"name":"t","command":"node","env_from_credentials":{"K":"given"}}]`, "mcp_servers: [{name: t, command: node, env_from_credentials: {K: given}}]",
			func(s runtime.Spec) any {
				return fmt.Sprint(config(s).Agent.MCP[0].Name, config(s).Agent.MCP[0].Secrets)
			}, "ttrue"},
		{"files", `"source":{"type":"git","repo":"` + repo + `"},"files":[".env"]`, "{source: {repo: " + repo + "}, files: [.env]}", func(s runtime.Spec) any { return config(s).Files }, []string{".env"}},
	} {
		template := "templates/chosen.yaml"
		for how, body := range map[string]string{"typed": c.json, "by a template": `"template_name":"chosen"`} {
			w.write(template, c.yaml+"\n")
			made := parse[client.Session](t, w.wants("POST", "/sessions", `{"name":"a",`+body+`}`, 201, ""))
			if err := os.Remove(filepath.Join(w.dir, template)); err != nil {
				t.Fatal(err)
			}
			row, err := w.db.SystemSession(t.Context(), made.ID)
			if err != nil {
				t.Fatal(err)
			}
			reforged := row
			again, err := serving(w.options).again(t.Context(), store.Chronicle{SessionID: row.ID, Config: row.Request}, client.Reforge{})
			if err == nil {
				reforged.Request, err = json.Marshal(again)
			}
			if err != nil {
				t.Fatal(err)
			}
			row.Run = 1
			restarted := row
			restarted.Run, reforged.Run = 2, 1
			for when, s := range map[string]store.Session{"at first": row, "after a restart": restarted, "reforged": reforged} {
				spec, err := launcher.Spec(t.Context(), s, "image")
				if err != nil {
					t.Errorf("%s, %s, %s: %v", c.option, how, when, err)
				} else if diff := cmp.Diff(c.want, c.got(spec)); diff != "" {
					t.Errorf("%s, %s, %s: %s", c.option, how, when, diff)
				}
			}
		}
	}
	w.write("templates/asks.yaml", "initial_prompt: Look around.\n")
	made := parse[client.Session](t, w.wants("POST", "/sessions", `{"name":"a","template_name":"asks"}`, 201, ""))
	prompts, err := w.db.UnsentPrompts(t.Context(), made.ID)
	if err != nil || len(prompts) != 1 || !strings.Contains(string(prompts[0].Blocks), "Look around.") {
		t.Errorf("first message: %+v %v", prompts, err)
	}
	row, err := w.db.SystemSession(t.Context(), made.ID)
	var kept launch.Request
	if err != nil || json.Unmarshal(row.Request, &kept) != nil || kept.TemplateName != "asks" {
		t.Errorf("where it came from is forgotten: %+v %v", kept, err)
	}
}

// Files in the configuration directory are the installation's: users of every
// tenant begin with them, and only whoever runs it changes them.
func TestTemplatesAreTheInstallations(t *testing.T) {
	w := newWorld(t)
	w.write("templates/billing.yaml", "description: The invoices\nenv: {LOG_LEVEL: debug}\n")
	w.write("profiles/large.yaml", "resources: {cpu: 4}\n")
	for _, role := range []store.Role{store.RoleAdmin, store.RoleDeveloper} {
		olga := w.person("olga-"+string(role), "others", role)
		for path, want := range map[string]string{"/templates": `"name":"billing"`, "/templates/billing": `"LOG_LEVEL":"debug"`, "/profiles": `"name":"large"`} {
			if status, _, body := w.ask("GET", Prefix+path, "", olga.present); status != 200 || !strings.Contains(body, want) {
				t.Errorf("%s of another tenant reads %s: %d %s", role, path, status, body)
			}
		}
		for _, method := range []string{"PUT", "DELETE"} {
			if status, _, body := w.ask(method, Prefix+"/templates/billing", `{"model":"m2"}`, olga.present); status < 400 {
				t.Errorf("%s of another tenant: %s is answered %d %s", role, method, status, body)
			}
		}
	}
}
