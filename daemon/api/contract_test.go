package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"volundr/daemon/launch"
)

// contractCase is one call and what the contract answers. $NAME
// stands for the id of the session of that name, $last for the one of the 201
// before. want is JSON: what stands
// in it must stand in the answer, "*" is anything, and keys beside are ours.
type contractCase struct {
	do, body string // do: method and path below Prefix
	status   int
	want     string // empty: no body
}

// session is what every SessionResponse has.
const sessionKeys = `"id":"*","model":"*","source":"*","chat_endpoint":"*","code_endpoint":"*","created_at":"*","updated_at":"*",
	"last_active":"*","message_count":0,"tokens_used":0,"pod_name":"*","error":"*","tracker_issue_id":"*","issue_tracker_url":"*",
	"preset_id":null,"archived_at":null,"owner_id":"local","tenant_id":"default","activity_state":"*","activity_metadata":{}`

func said(text string) string { return fmt.Sprintf(`{"detail":%q}`, text) }

func wrongField(kind, loc, msg string) string {
	return fmt.Sprintf(`{"detail":[{"type":%q,"loc":%s,"msg":%q,"input":"*"}]}`, kind, loc, msg)
}

var contractCases = []contractCase{
	{"GET /sessions", "", 200, `[{"name":"stopped","status":"stopped",` + sessionKeys + `},{"name":"failed","status":"failed",` + sessionKeys + `},{"name":"idle","status":"created",` + sessionKeys + `},{"name":"running","status":"running",` + sessionKeys + `}]`},
	{"GET /sessions?status=running", "", 200, `[{"id":"$running"}]`},
	{"GET /sessions?status=archived", "", 200, `[]`},
	{"GET /sessions?include_archived=true", "", 200, `["*","*","*","*"]`},
	{"GET /sessions?status=sleeping", "", 422, wrongField("enum", `["query","status"]`, "Input should be 'created', 'starting', 'provisioning', 'running', 'stopping', 'stopped', 'failed' or 'archived'")},

	{"POST /sessions", `{"name":"minimal"}`, 201, `{"name":"minimal","status":"starting","model":"","source":{"type":"git","repo":"","branch":"","base_branch":""},` + sessionKeys + `}`},
	{"POST /sessions", `{"name":" trimmed ","task_type":"unknown fields are ignored","model":"m1","issue_id":"AB-1","issue_url":"https://t.example/AB-1"}`, 201,
		`{"name":"trimmed","model":"m1","tracker_issue_id":"AB-1","issue_tracker_url":"https://t.example/AB-1"}`},
	{"POST /sessions", `{"name":"minimal"}`, 201, `{"name":"minimal"}`}, // names are not unique
	{"POST /sessions", `{}`, 422, wrongField("value_error", `["body","name"]`, "Value error, Session name cannot be empty")},
	{"POST /sessions", ``, 422, wrongField("value_error", `["body","name"]`, "Value error, Session name cannot be empty")},
	{"POST /sessions", `{"name":"Upper"}`, 422, wrongField("value_error", `["body","name"]`, "Value error, Session name must be lowercase — uppercase characters are not allowed")},
	{"POST /sessions", `{"name":1}`, 422, wrongField("value_error", `["body","name"]`, "Input should be a valid string")},
	{"POST /sessions", `{"name":`, 422, `{"detail":[{"type":"json_invalid","loc":["body","*"],"msg":"JSON decode error"}]}`},
	{"POST /sessions", `{"name":"x","model":"` + strings.Repeat("m", 101) + `"}`, 422, wrongField("string_too_long", `["body","model"]`, "String should have at most 100 characters.")},
	{"POST /sessions", `{"name":"x","preset_id":"none"}`, 422, wrongField("uuid_parsing", `["body","preset_id"]`, "Input should be a valid UUID.")},
	{"POST /sessions", `{"name":"x","source":{"type":"tape"}}`, 422, `{"detail":[{"type":"union_tag_invalid","loc":["body","source"],"msg":"*"}]}`},
	{"POST /sessions", `{"name":"x","source":{"type":"local_mount"}}`, 422, wrongField("value_error", `["body","source","local_mount"]`, "Either local_path or paths must be provided")},
	{"POST /sessions", `{"name":"x","source":{"type":"local_copy","local_path":"/nowhere"}}`, 422, `{"detail":[{"type":"value_error","loc":["body","source","local_copy","local_path"],"msg":"*","input":"/nowhere"}]}`},
	{"POST /sessions", `{"name":"x","source":{"type":"git","repo":"/nowhere"}}`, 422, `{"detail":"Repository validation failed for '/nowhere': *"}`},
	{"POST /sessions", `{"name":"x","source":{"type":"git","repo":"$repo","branch":"nope"}}`, 422, `{"detail":[{"type":"value_error","loc":["body","source","git","branch"],"msg":"*","input":"nope"}]}`},
	{"POST /sessions", `{"name":"x","source":{"type":"git","repo":"$repo","branch":"new","base_branch":"nope"}}`, 422, `{"detail":[{"type":"value_error","loc":["body","source","git","base_branch"],"msg":"*","input":"nope"}]}`},
	{"POST /sessions", `{"name":"x","initial_prompt":"` + strings.Repeat("p", maxBody) + `"}`, 413, said("The request is larger than 2 MiB, and nothing was done. Put long texts into a file of the workspace and name it.")},

	{"GET /sessions/$running", "", 200, `{"id":"$running","name":"running","status":"running","chat_endpoint":"ws://*/s/$running/session","code_endpoint":"http://*/s/$running/editor/"}`},
	{"GET /sessions/$idle", "", 200, `{"status":"created","chat_endpoint":null,"code_endpoint":null,"pod_name":null,"error":null}`},
	{"GET /sessions/mine", "", 422, wrongField("uuid_parsing", `["path","session_id"]`, "Input should be a valid UUID.")},
	{"GET /sessions/$failed", "", 200, `{"status":"failed","error":"The agent ended.","chat_endpoint":null}`},

	{"POST /sessions/$running/activity", `{"state":"active","metadata":{"text":"s3cr3t-v4lue","n":1}}`, 204, ""},
	{"POST /sessions/$running/activity", `{"state":"idle"}`, 204, ""},
	{"POST /sessions/$idle/activity", `{"state":"tool_executing","metadata":null}`, 204, ""},
	{"GET /sessions/$idle", "", 200, `{"status":"created","activity_state":null}`},
	{"POST /sessions/$running/activity", `{"state":"waiting"}`, 422, said("Invalid activity state: waiting")},
	{"POST /sessions/$running/activity", `{}`, 422, `{"detail":[{"type":"missing","loc":["body","state"],"msg":"Field required"}]}`},
	{"POST /sessions/$running/activity", `{"state":"idle","metadata":[1]}`, 422, `{"detail":[{"loc":["body","metadata"],"msg":"Input should be a valid object"}]}`},
	{"POST /sessions/$running/activity", `{"state":"idle","metadata":{"a":"` + strings.Repeat("m", 64<<10) + `"}}`, 422, `{"detail":[{"loc":["body","metadata"],"msg":"Input should have at most 65536 bytes"}]}`},
	{"POST /sessions/00000000-0000-4000-8000-000000000000/activity", `{"state":"idle"}`, 404, said("Session not found: 00000000-0000-4000-8000-000000000000")},
	{"POST /sessions/$stopped/usage", `{"tokens":1,"provider":"cloud","model":"m"}`, 409, said("Cannot report usage of session $stopped: current status is stopped. Start it first.")},
	{"POST /sessions/$running/usage", `{}`, 422, `{"detail":[{"type":"missing","loc":["body","tokens"]},{"type":"missing","loc":["body","provider"]},{"type":"missing","loc":["body","model"]}]}`},
	{"POST /sessions/$running/usage", `{"tokens":0,"provider":"far","model":"","message_count":0,"cost":-1}`, 422,
		`{"detail":[{"type":"greater_than","loc":["body","tokens"]},{"type":"enum","loc":["body","provider"]},{"type":"string_too_short","loc":["body","model"]},{"type":"greater_than_equal","loc":["body","message_count"]},{"type":"greater_than_equal","loc":["body","cost"]}]}`},
	{"POST /sessions/$running/usage", `{"tokens":9223372036854775807,"provider":"cloud","model":"` + strings.Repeat("m", 101) + `","message_count":9223372036854775807,"cost":1e300}`, 422,
		`{"detail":[{"type":"less_than_equal","loc":["body","tokens"]},{"type":"string_too_long","loc":["body","model"]},{"type":"less_than_equal","loc":["body","message_count"]},{"type":"less_than_equal","loc":["body","cost"]}]}`},
	{"POST /sessions/$running/usage", `{"tokens":1e300,"provider":"cloud","model":"m"}`, 422, `{"detail":[{"loc":["body","tokens"]}]}`},
	{"POST /sessions/$running/usage", `{"tokens":-9223372036854775809,"provider":"cloud","model":"m"}`, 422, `{"detail":[{"loc":["body","tokens"]}]}`},

	{"GET /inbox", "", 200, `[{"id":"*","kind":"failure","session_id":"$failed","session":"failed","at":"*","text":"The agent ended."}]`},
	{"POST /sessions/$running/answers", `{"option":"yes"}`, 422, `{"detail":[{"type":"missing","loc":["body","id"],"msg":"Field required"}]}`},
	{"POST /sessions/$stopped/answers", `{"id":"q","option":"yes"}`, 503, `{"detail":"*"}`},
	{"POST /sessions/$stopped/cancel", "", 503, `{"detail":"*"}`},

	{"PUT /sessions/$idle", `{"name":"renamed","model":"m2","tracker_issue_id":"AB-2"}`, 200, `{"name":"renamed","model":"m2","tracker_issue_id":"AB-2"}`},
	{"PUT /sessions/$idle", `{"branch":"work"}`, 200, `{"name":"renamed","source":{"branch":"work"}}`},
	{"PUT /sessions/$idle", `{"name":"a b"}`, 422, wrongField("value_error", `["body","name"]`, "Value error, Session name cannot contain spaces — use hyphens instead")},
	{"PUT /sessions/$idle", `{"model":""}`, 422, wrongField("string_too_short", `["body","model"]`, "String should have at least 1 character")},
	{"PUT /sessions/$idle", `{"name":"idle"}`, 200, `{"name":"idle"}`},
	{"PATCH /sessions/$idle", `{"time_to_live":"8h"}`, 200, `{"name":"idle","time_to_live":"8h","stops_at":null}`},
	{"PATCH /sessions/$idle", `{"time_to_live":"long"}`, 422, wrongField("value_error", `["body","time_to_live"]`, launch.LifeHelp)},
	{"PATCH /sessions/$idle", `{"extend":"1h"}`, 409, `{"detail":"Cannot extend session *"}`},
	{"PATCH /sessions/$idle", `{"time_to_live":"none"}`, 200, `{"time_to_live":"none"}`},

	{"POST /sessions/$running/start", "", 409, `{"detail":"Cannot start session $running: current status is running*"}`},
	{"POST /sessions/$idle/stop", "", 409, `{"detail":"Cannot stop session $idle: current status is created*"}`},
	{"POST /sessions/$failed/start", `{"profile_name":"none"}`, 422, `{"detail":[{"type":"value_error","loc":["body","profile_name"],"msg":"There is no profile \"none\"*","input":"none"}]}`},
	{"POST /sessions/$failed/start", `{"other":"unknown fields are ignored"}`, 200, `{"id":"$failed","status":"starting","error":null}`},

	{"GET /sessions/$running/logs", "", 200, `{"session_id":"$running","total":0,"returned":0,"lines":[]}`},
	{"GET /sessions/$running/logs?lines=2000&level=INFO", "", 200, `{"returned":0}`},
	{"GET /sessions/$running/logs?lines=0", "", 422, `{"detail":[{"loc":["query","lines"],"msg":"*","input":"0"}]}`},
	{"GET /sessions/$running/logs?lines=2001", "", 422, `{"detail":[{"type":"less_than_equal","loc":["query","lines"]}]}`},
	{"GET /sessions/$running/logs?lines=many", "", 422, `{"detail":[{"type":"int_parsing","loc":["query","lines"]}]}`},
	{"GET /sessions/$running/conversation", "", 200, `{"turns":[],"is_active":false,"last_activity":"*"}`},
	{"POST /sessions/$running/messages", `{"content":"hello"}`, 200, `{"status":"sent","session_id":"$running"}`},
	{"GET /sessions/$running/conversation", "", 200, `{"turns":[{"id":"*","role":"user","content":"hello","parts":[{"type":"text","text":"hello"}],"created_at":"*","metadata":{}}]}`},
	{"POST /sessions/$running/messages", `{"content":" "}`, 400, said("content is required")},
	{"POST /sessions/$running/messages", `{}`, 400, said("content is required")},
	{"POST /sessions/$stopped/messages", `{"content":"hello"}`, 409, said("Session stopped is stopped. Start it, then send the message again.")},
	{"GET /sessions/$stopped/conversation", "", 200, `{"turns":[],"is_active":false}`},
	{"GET /sessions/$stopped/attach", "", 409, `{"detail":"Session stopped is stopped, a shell needs it running.*"}`},
	{"GET /sessions/$running/loss", "", 200, `{"known":false,"reason":"The session did not say what its workspace holds."}`},
	{"GET /sessions/$stopped/loss", "", 200, `{"known":false,"reason":"*"}`},

	{"GET /sessions/$stopped/changes", "", 409, `{"detail":"Session stopped is stopped, and only a running session can say what it changed.*"}`},
	{"GET /sessions/$running/changes?base=nonsense", "", 400, `{"detail":"Invalid base parameter: nonsense. Must be one of: *"}`},
	{"GET /sessions/$stopped/repositories", "", 200, `[]`},
	{"GET /sessions/$stopped/repositories?base=nonsense", "", 400, `{"detail":"Invalid base parameter: nonsense.*"}`},
	{"POST /sessions/$stopped/changes/stage", `{"files":["a"]}`, 409, `{"detail":"*"}`},
	{"POST /sessions/$stopped/changes/unstage", `{"files":["a"]}`, 409, `{"detail":"*"}`},
	{"POST /sessions/$stopped/changes/discard", `{"file":"a"}`, 409, `{"detail":"*"}`},
	{"POST /sessions/$stopped/changes/commit", `{"message":"m"}`, 409, `{"detail":"*"}`},
	{"GET /sessions/$stopped/branch", "", 409, `{"detail":"*"}`},
	{"POST /sessions/$stopped/push", `{}`, 409, `{"detail":"*Start it*"}`},
	{"GET /sessions/$stopped/diff/files", "", 409, `{"detail":"*"}`},
	{"GET /sessions/$stopped/diff", "", 409, `{"detail":"*"}`},
	{"GET /sessions/$stopped/commits", "", 409, `{"detail":"*"}`},
	{"GET /chronicles/$stopped/diff?file=a", "", 409, `{"detail":"*"}`},
	{"GET /chronicles/$running/diff?file=a&base=nonsense", "", 400, `{"detail":"Invalid base parameter: nonsense. Must be *"}`},
	{"POST /sessions/$running/comments", `{"path":"a.go","side":"new","line":3,"body":" why? "}`, 201, `{"id":"*","path":"a.go","side":"new","line":3,"body":"why?"}`},
	{"POST /sessions/$running/comments", `{"path":"a.go","side":"new","line":0,"body":"why?"}`, 422, `{"detail":"*"}`},
	{"GET /sessions/$running/comments", "", 200, `[{"path":"a.go"}]`},
	{"POST /sessions/$running/review", `{"text":"Look at this"}`, 200, `"*"`},
	{"GET /sessions/$running/comments", "", 200, `[]`},
	{"POST /sessions/$running/review", `{}`, 409, `{"detail":"There is no comment to send.*"}`},
	{"POST /sessions/$running/comments", `{"path":"a.go","side":"old","line":1,"body":"gone?"}`, 201, `{"side":"old"}`},
	{"DELETE /sessions/$running/comments/$last", "", 204, ""},
	{"DELETE /sessions/$running/comments/$last", "", 404, `{"detail":"Comment not found: $last"}`},

	{"GET /storage", "", 200, `"*"`},
	{"GET /sessions/$idle/checkpoints", "", 200, `"*"`},
	{"GET /sessions/$idle/checkpoints/nothing/loss", "", 409, `{"detail":"*session idle is created. Start it first, or reforge it from the checkpoint."}`},
	{"POST /sessions/$idle/checkpoints/nothing/rewind", "", 409, `{"detail":"*session idle is created. Start it first, or reforge it from the checkpoint."}`},
	{"POST /chronicles/nothing/reforge", "", 404, said("Chronicle not found: nothing")},
	{"PATCH /sessions/$stopped/restore", "", 409, `{"detail":"Cannot restore session $stopped: current status is stopped*"}`},
	{"POST /sessions/$stopped/restore", "", 409, `{"detail":"Cannot restore session $stopped: current status is stopped*"}`},
	{"POST /sessions/archive-stopped", "", 200, `["$stopped"]`},

	{"GET /models", "", 200, `[{"id":"m1","name":"M","description":"","provider":"cloud","tier":"balanced","color":"#000000","cost_per_million_tokens":null,"vram_required":null}]`},
	{"GET /stats", "", 200, `{"active_sessions":"*","total_sessions":"*","tokens_today":0,"local_tokens":0,"cloud_tokens":0,"cost_today":0}`},
	{"GET /me", "", 200, `{"user_id":"local","email":"local@localhost","tenant_id":"default","roles":["volundr:admin"],"display_name":"local","status":"active"}`},
	{"POST /users", `{"name":"ann"}`, 201, `{"id":"*","email":"ann@localhost","display_name":"ann","status":"active","created_at":"*","role":"developer","seen_at":null}`},
	{"PUT /users/$last", `{"role":"viewer"}`, 200, `{"display_name":"ann","role":"viewer"}`},
	{"PUT /users/ann", `{"role":"emperor"}`, 422, `{"detail":[{"type":"enum","loc":["body","role"]}]}`},
	{"GET /users", "", 200, `[{"display_name":"ann"},{"id":"local","role":"admin"}]`},
	{"POST /users/ann/login-links", "", 201, `{"url":"*"}`},
	{"PUT /sessions/$running/shares/ann", "", 200, `{"user_id":"*","display_name":"ann","created_at":"*"}`},
	{"GET /sessions/$running/shares", "", 200, `[{"user_id":"*","display_name":"ann","created_at":"*"}]`},
	{"DELETE /sessions/$running/shares/ann", "", 204, ""},
	{"PUT /sessions/$running/shares/nobody", "", 404, `{"detail":"User not found: nobody"}`},
	{"DELETE /users/ann", "", 204, ""},
	{"GET /quota", "", 200, `{"limits":{"sessions":0,"storage":0,"cpu":0,"memory":0,"tokens":0,"cost":0},"used":{"sessions":"*","storage":"*","cpu":0,"memory":"*","tokens":0,"cost":0}}`},
	{"PUT /users/@all/quota", `{"sessions":1,"cost":2.5}`, 200, `{"limits":{"sessions":1,"cost":2.5}}`},
	{"POST /sessions", `{"name":"more"}`, 429, `{"detail":"There are *"}`},
	{"PUT /users/@all/quota", `{"sessions":0,"cpu":1.5}`, 200, `{"limits":{"sessions":0,"cpu":1.5,"cost":2.5}}`},
	{"POST /sessions", `{"name":"more"}`, 429, `{"detail":"CPU is bounded (1.5 cores that all users may have together), and this session names none: say how much it gets, as in --cpu 2."}`},
	{"POST /sessions", `{"name":"more","resource_config":{"cpu":2}}`, 429, `{"detail":"Running sessions have *"}`},
	{"PUT /users/@all/quota", `{"cpu":0,"cost":0}`, 200, `{"limits":{"sessions":0,"cpu":0,"cost":0}}`},
	{"PUT /users/@all/quota", `{"cpu":-1,"memory":-5}`, 422, `{"detail":[{"type":"greater_than_equal","loc":["body","cpu"]},{"type":"greater_than_equal","loc":["body","memory"]}]}`},
	{"PUT /users/@all/quota", `{"cost":0.0000001}`, 422, `{"detail":[{"type":"value_error","loc":["body","cost"]}]}`},
	{"PUT /users/@all/quota", `{"tokens":"many"}`, 422, `{"detail":[{"type":"value_error","loc":["body","tokens"]}]}`},
	{"PUT /users/nobody/quota", `{"sessions":1}`, 404, `{"detail":"User not found: nobody"}`},
	{"GET /users/local/quota", "", 200, `{"limits":{"sessions":0}}`},
	{"GET /audit?act=user.removed", "", 200, `[{"n":"*","at":"*","user_id":"local","user":"local","by":"token file","act":"user.removed","subject":"*","detail":{"name":"ann"}}]`},
	{"GET /audit?user=nobody", "", 200, `[]`},
	{"GET /audit?limit=0", "", 422, `{"detail":[{"type":"greater_than_equal","loc":["query","limit"]}]}`},
	{"GET /audit?before=x", "", 422, `{"detail":[{"type":"int_parsing","loc":["query","before"]}]}`},
	{"GET /audit/verify", "", 200, `{"records":"*","head":"*","broken":""}`},
	{"GET /audit/verify?kept=0000", "", 200, `{"broken":"The hash that was kept is not among them: the records were written anew, or their end was cut off."}`},
	{"DELETE /users/local", "", 409, `{"detail":"local is the last admin: make somebody else one first."}`},
	{"POST /tenants", `{"name":"Acme"}`, 422, `{"detail":[{"type":"string_pattern_mismatch","loc":["body","name"]}]}`},
	{"POST /tenants", `{"name":"acme"}`, 201, `{"id":"*","path":"acme","name":"acme","parent_id":null,"tier":"developer","max_sessions":0,"max_storage_gb":0,"created_at":"*","users":0,"sessions":0,"chronicles":0}`},
	{"POST /tenants", `{"name":"acme"}`, 409, `{"detail":"There is a tenant acme already: choose another name."}`},
	{"POST /users?tenant=acme", `{"name":"bob","role":"admin"}`, 201, `{"display_name":"bob","role":"admin"}`},
	{"GET /users?tenant=acme", "", 200, `[{"display_name":"bob"}]`},
	{"GET /users?tenant=nowhere", "", 404, `{"detail":"Tenant not found: nowhere"}`},
	{"POST /users/bob/login-links?tenant=acme", "", 201, `{"url":"*"}`},
	{"PUT /users/@tenant/quota?tenant=acme", `{"sessions":7,"storage":2147483648}`, 200, `{"limits":{"sessions":7}}`},
	{"GET /users/bob/quota?tenant=acme", "", 200, `{"limits":{"sessions":0}}`},
	{"GET /tenants/acme", "", 200, `{"max_sessions":7,"max_storage_gb":2,"users":1}`},
	{"DELETE /tenants/acme", "", 409, `{"detail":"In acme there are 1 user: *"}`},
	{"PUT /tenants/acme", `{"name":"emca"}`, 200, `{"name":"emca"}`},
	{"PUT /tenants/acme", `{"name":"x"}`, 404, `{"detail":"Tenant not found: acme"}`},
	{"PUT /users/bob/tenant?tenant=emca", `{"tenant":"nowhere"}`, 422, `{"detail":[{"loc":["body","tenant"]}]}`},
	{"PUT /users/bob/tenant?tenant=emca", `{"tenant":"default"}`, 200, `{"display_name":"bob","role":"developer"}`},
	{"PUT /users/local/tenant", `{"tenant":"emca"}`, 409, `{"detail":"local is the last admin: make somebody else one first."}`},
	{"GET /audit?act=user.left&tenant=emca", "", 200, `[{"n":"*","user":"local","act":"user.left","subject":"*","detail":{"name":"bob"}}]`},
	{"DELETE /users/bob", "", 204, ""},
	{"GET /tenants", "", 200, `[{"name":"default"},{"name":"emca"}]`},
	{"DELETE /tenants/emca", "", 204, ""},
	{"DELETE /tenants/default", "", 409, `{"detail":"default is the tenant of whoever runs this installation, and stays."}`},
	{"GET /logins", "", 200, `"*"`},
	{"GET /trusts", "", 200, `[]`},
	{"GET /features/preferences", "", 200, `[]`},
	{"GET /features?scope=user", "", 200, `[]`},
	{"GET /features?scope=song", "", 422, `{"detail":"*"}`},
	{"GET /features?scope=session", "", 200, `"*"`},
	{"GET /feature-flags", "", 200, `{"local_mounts_enabled":true,"file_manager_enabled":true,"mini_mode":false}`},

	{"POST /credentials", `{"name":"token","data":{"a":"b"}}`, 201, `{"name":"token","secret_type":"generic","keys":["a"]}`},
	{"POST /credentials", `{"name":"token","secret_type":"song","data":{"a":"b"}}`, 400, `{"detail":"*"}`},
	{"POST /credentials", `{"name":"key","secret_type":"api_key","data":{}}`, 422, `{"detail":{"errors":["*"]}}`},
	{"GET /credentials", "", 200, `{"credentials":[{"name":"token"}]}`},
	{"GET /credentials?secret_type=api_key", "", 200, `{"credentials":[]}`},
	{"GET /credentials/types", "", 200, `"*"`},
	{"GET /credentials/token", "", 200, `{"id":"*","name":"token","secret_type":"generic","keys":["a"],"metadata":{},"created_at":"*","updated_at":"*"}`},
	{"GET /credentials/none", "", 404, said("Credential not found: none")},
	{"GET /secrets", "", 200, `[{"name":"token","keys":["a"]}]`},
	{"POST /secrets", `{"name":"db","data":{"DB_URL":"x","DB_USER":"y"}}`, 201, `{"name":"db","keys":["DB_URL","DB_USER"]}`},
	{"POST /secrets", `{"name":"db","data":{"DB_URL":"x"}}`, 409, `{"detail":"*"}`},
	{"POST /secrets", `{"name":"Not one","data":{"a":"b"}}`, 400, `{"detail":"*"}`},
	{"GET /secrets/db", "", 200, `{"name":"db","keys":["DB_URL","DB_USER"]}`},
	{"GET /secrets/none", "", 404, said("Secret not found: none")},
	{"DELETE /credentials/db", "", 204, ""},
	{"POST /credentials/tenant", `{"name":"token","in_sessions":true}`, 201, `{"id":"*","name":"token","secret_type":"generic","keys":["a"],"metadata":{},"created_at":"*","updated_at":"*","shared":true,"in_sessions":true}`},
	{"POST /credentials/tenant", `{"name":"crew","data":{"a":"b"}}`, 201, `{"name":"crew","secret_type":"generic","shared":true}`},
	{"GET /credentials/tenant/list", "", 200, `{"credentials":[{"name":"crew"},{"name":"token"}]}`},
	{"POST /credentials/tenant/token/unshare", "", 200, `{"name":"token"}`},
	{"POST /credentials/tenant/token/unshare", "", 404, said("Credential not found: token")},
	{"DELETE /credentials/tenant/crew", "", 204, ""},
	{"DELETE /credentials/tenant/crew", "", 404, said("Credential not found: crew")},
	{"POST /sessions", `{"name":"x","credential_names":["none"]}`, 422, `{"detail":[{"type":"value_error","loc":["body","credential_names",0],"msg":"*","input":"none"}]}`},
	{"POST /sessions", `{"name":"x","env_secret_refs":["token","none"]}`, 422, `{"detail":[{"type":"value_error","loc":["body","env_secret_refs",1],"msg":"*","input":"none"}]}`},
	{"POST /sessions", `{"name":"x","credential_names":["token"],"env":{"TOKEN":"x"}}`, 422, `{"detail":[{"type":"value_error","loc":["body","env","TOKEN"],"msg":"*","input":"TOKEN"}]}`},
	{"DELETE /credentials/token", "", 204, ""},
	{"DELETE /credentials/token", "", 404, said("Credential not found: token")},

	{"GET /integrations/catalog", "", 200, `[{"slug":"github","name":"GitHub","description":"*","integration_type":"source_control","adapter":"*","icon":"github",
		"credential_schema":{"required":["token"],"properties":{"token":{"label":"*","type":"password"}}},"config_schema":{"required":[],"properties":{}},
		"mcp_server":{"name":"github","command":"npx","args":["-y","*"],"env_from_credentials":{"GITHUB_PERSONAL_ACCESS_TOKEN":"token"}},"auth_type":"api_key","oauth_scopes":[]},
		{"slug":"gitlab"},{"slug":"linear"},{"slug":"jira","config_schema":{"required":["url","email"]}},{"slug":"anthropic","integration_type":"ai_provider","mcp_server":null},{"slug":"openai"}]`},
	{"GET /integrations", "", 200, `[]`},
	{"POST /credentials", `{"name":"lab","secret_type":"api_key","data":{"api_key":"x"}}`, 201, `{"name":"lab"}`},
	{"POST /credentials", `{"name":"hub","secret_type":"git_credential","data":{"url":"https://me:tok@github.com"}}`, 201, `{"name":"hub"}`},
	{"POST /integrations", `{}`, 422, `{"detail":[{"type":"value_error","loc":["body","slug"],"msg":"There is no such integration: *"}]}`},
	{"POST /integrations", `{"slug":"gitlab"}`, 422, `{"detail":[{"type":"missing","loc":["body","credential_name"],"msg":"Field required"}]}`},
	{"POST /integrations", `{"slug":"gitlab","integration_type":"messaging","credential_name":"lab"}`, 422, `{"detail":[{"loc":["body","integration_type"]}]}`},
	{"POST /integrations", `{"slug":"gitlab","credential_name":"none"}`, 422, `{"detail":[{"loc":["body","credential_name"],"msg":"There is no credential \"none\": *"}]}`},
	{"POST /integrations", `{"slug":"github","credential_name":"hub"}`, 422, `{"detail":[{"loc":["body","credential_name"],"msg":"The credential hub holds no key for GitHub: *"}]}`},
	{"POST /integrations", `{"slug":"anthropic","credential_name":"lab"}`, 422, `{"detail":[{"loc":["body","credential_name"],"msg":"The key of Anthropic's models is the credential anthropic: *"}]}`},
	{"POST /integrations", `{"slug":"anthropic","credential_name":"anthropic"}`, 422, `{"detail":[{"loc":["body","credential_name"],"msg":"No Anthropic key is configured. *"}]}`},
	{"POST /integrations", `{"slug":"jira","credential_name":"lab","config":{"url":"https://acme.atlassian.net"}}`, 422, `{"detail":[{"loc":["body","config"],"msg":"Jira needs the setting email."}]}`},
	{"POST /integrations", `{"slug":"gitlab","credential_name":"lab","config":{"url":"http://git.acme.io"}}`, 422, `{"detail":[{"loc":["body","config"],"msg":"*https://*"}]}`},
	{"POST /integrations", `{"slug":"linear","credential_name":"lab","config":{"url":"https://x"}}`, 422, `{"detail":[{"loc":["body","config"],"msg":"Linear takes no setting url."}]}`},
	{"POST /integrations", `{"integration_type":"source_control","adapter":"volundr.gitlab","credential_name":"lab","config":{"url":" http://127.0.0.1:1 "}}`, 201,
		`{"id":"*","integration_type":"source_control","adapter":"volundr.gitlab","credential_name":"lab","config":{"url":"http://127.0.0.1:1"},"enabled":true,"created_at":"*","updated_at":"*","slug":"gitlab","has_tools":true}`},
	{"GET /integrations", "", 200, `[{"id":"$last","slug":"gitlab"}]`},
	{"POST /integrations/$last/test", "", 200, `{"success":false,"provider":"gitlab","workspace":null,"user":null,"error":"GitLab could not be reached. *"}`},
	{"POST /sessions", `{"name":"x","integration_ids":["gitlab","none"]}`, 422, `{"detail":[{"type":"value_error","loc":["body","integration_ids",1],"msg":"There is no integration \"none\" of yours. *"}]}`},
	{"PUT /integrations/$last", `{"enabled":false}`, 200, `{"id":"$last","enabled":false,"credential_name":"lab","config":{"url":"http://127.0.0.1:1"}}`},
	{"PUT /integrations/$last", `{"credential_name":"none"}`, 422, `{"detail":[{"loc":["body","credential_name"]}]}`},
	{"PUT /integrations/$last", `{"config":{}}`, 200, `{"enabled":false,"config":{}}`},
	{"POST /sessions", `{"name":"x","integration_ids":["$last"]}`, 422, `{"detail":[{"loc":["body","integration_ids",0],"msg":"The integration GitLab is switched off. *"}]}`},
	{"DELETE /integrations/$last", "", 204, ""},
	{"DELETE /integrations/$last", "", 404, said("Integration not found: $last")},
	{"PUT /integrations/$last", `{"enabled":true}`, 404, said("Integration not found: $last")},
	{"POST /integrations/$last/test", "", 404, said("Integration not found: $last")},
	{"DELETE /credentials/lab", "", 204, ""},
	{"DELETE /credentials/hub", "", 204, ""},

	{"GET /prompts", "", 200, `[]`},
	{"POST /prompts", `{}`, 422, `{"detail":[{"type":"missing","loc":["body","name"],"msg":"Field required"},{"type":"missing","loc":["body","content"],"msg":"Field required"}]}`},
	{"POST /prompts", `{"name":"","content":"c"}`, 422, wrongField("string_too_short", `["body","name"]`, "String should have at least 1 character")},
	{"POST /prompts", `{"name":"n","content":"c","scope":"team"}`, 422, wrongField("enum", `["body","scope"]`, "Input should be 'global' or 'project'")},
	{"POST /prompts", `{"name":"n","content":"c","scope":"project"}`, 422, `{"detail":[{"type":"value_error","loc":["body","project_repo"],"msg":"Name the repository that the prompt is for."}]}`},
	{"POST /prompts", `{"name":"n","content":"c","project_repo":"` + strings.Repeat("r", 501) + `"}`, 422, `{"detail":[{"type":"string_too_long","loc":["body","project_repo"],"msg":"*"}]}`},
	{"POST /prompts", `{"name":"explain","content":"Say what a review found"}`, 201, `{"id":"*","name":"explain","content":"Say what a review found","scope":"global","project_repo":null,"tags":[],"created_at":"*","updated_at":"*"}`},
	{"POST /prompts", `{"name":"review","content":"Look at it","scope":"project","project_repo":"https://a/b.git","tags":["t"]}`, 201, `{"scope":"project","project_repo":"https://a/b.git","tags":["t"]}`},
	{"GET /prompts", "", 200, `[{"name":"explain"},{"name":"review"}]`},
	{"GET /prompts?scope=global", "", 200, `[{"name":"explain"}]`},
	{"GET /prompts?repo=https://a/b", "", 200, `[{"name":"review"}]`},
	{"GET /prompts?scope=team", "", 422, wrongField("enum", `["query","scope"]`, "*")},
	{"GET /prompts/search?q=Review", "", 200, `[{"name":"review"},{"name":"explain"}]`},
	{"GET /prompts/search?q=nothing", "", 200, `[]`},
	{"GET /prompts/search", "", 422, `{"detail":[{"type":"missing","loc":["query","q"]}]}`},
	{"PUT /prompts/$last", `{"content":"Look twice"}`, 200, `{"name":"review","content":"Look twice","scope":"project","project_repo":"https://a/b.git"}`},
	{"PUT /prompts/$last", `{"scope":"global"}`, 200, `{"scope":"global","project_repo":null}`},
	{"PUT /prompts/$last", `{"name":""}`, 422, `{"detail":[{"type":"string_too_short","loc":["body","name"]}]}`},
	{"PUT /prompts/none", `{"name":"n"}`, 404, said("Prompt not found: none")},
	{"DELETE /prompts/$last", "", 204, ""},
	{"DELETE /prompts/$last", "", 404, said("Prompt not found: $last")},

	{"GET /presets", "", 200, `[]`},
	{"POST /presets", `{}`, 422, `{"detail":[{"type":"missing","loc":["body","name"],"msg":"Field required"}]}`},
	{"POST /presets", `{"name":"p","skills":["s"]}`, 422, `{"detail":[{"type":"value_error","loc":["body","skills"],"msg":"*"}]}`},
	{"POST /presets", `{"name":"p","cli_tool":"hal"}`, 422, `{"detail":[{"type":"enum","loc":["body","agent"],"msg":"*"}]}`},
	{"POST /presets", `{"name":"p","model":"` + strings.Repeat("m", 101) + `"}`, 422, wrongField("string_too_long", `["body","model"]`, "*")},
	{"POST /presets", `{"name":"p","resource_config":{"memory":"lots"}}`, 422, `{"detail":[{"loc":["body","resource_config","memory"]}]}`},
	{"POST /presets", `{"name":"quick","is_default":true,"cli_tool":"claude-code","model":"m","env_vars":{"A":"1"},"setup_scripts":["make"],"mcp_servers":[],"rules":[]}`, 201,
		`{"id":"*","name":"quick","description":"","is_default":true,"cli_tool":"claude","workload_type":"session","model":"m","system_prompt":null,"resource_config":{},
		"mcp_servers":[],"terminal_sidecar":{},"skills":[],"rules":[],"env_vars":{"A":"1"},"env_secret_refs":[],"source":null,"integration_ids":[],"setup_scripts":["make"],
		"workload_config":{},"created_at":"*","updated_at":"*"}`},
	{"POST /presets", `{"name":"quick"}`, 409, said("Preset with name already exists: quick")},
	{"POST /presets", `{"name":"deep","is_default":true,"cli_tool":"claude","source":{"type":"git","repo":"https://a/b"},"request":{"network":"none","preset_id":"x"}}`, 201,
		`{"is_default":true,"source":{"type":"git","repo":"https://a/b","branch":"","base_branch":""},"request":{"network":"none"}}`},
	{"GET /presets", "", 200, `[{"name":"deep","is_default":true},{"name":"quick","is_default":false}]`},
	{"GET /presets?is_default=true&cli_tool=claude-code", "", 200, `[{"name":"deep"}]`},
	{"GET /presets?cli_tool=codex", "", 200, `[]`},
	{"PUT /presets/$last", `{"name":"quick"}`, 409, said("Preset with name already exists: quick")},
	{"PUT /presets/$last", `{"description":"slow","system_prompt":"Think."}`, 200, `{"name":"deep","description":"slow","is_default":true,"system_prompt":"Think.","source":{"repo":"https://a/b"},"request":{"network":"none"}}`},
	{"GET /presets/$last", "", 200, `{"name":"deep","system_prompt":"Think."}`},
	{"PUT /presets/$last/share", "", 200, `{"name":"deep","shared":true}`},
	{"DELETE /presets/$last/share", "", 200, `{"name":"deep"}`},
	{"DELETE /presets/$last", "", 204, ""},
	{"DELETE /presets/$last", "", 404, said("Preset not found: $last")},
	{"GET /presets/$last", "", 404, said("Preset not found: $last")},
	{"PUT /presets/$last", `{"name":"x"}`, 404, said("Preset not found: $last")},
	{"POST /sessions", `{"name":"x","preset_id":"$last"}`, 422, wrongField("value_error", `["body","preset_id"]`, "There is no preset of yours with this id: choose another, or leave preset_id out.")},

	{"GET /found", "", 200, `[]`},
	{"GET /status", "", 200, `{"version":"test","runtime":"fake"}`},
	{"GET /doctor", "", 200, `[{"name":"Docker engine","status":"ok"}]`},
	{"POST /image", "", 202, ""},
	{"POST /login-links", "", 201, `{"url":"http://volundr-*"}`},
	{"POST /shutdown", "", 202, ""},
}

// elsewhere are the routes whose success is told by a test of its own.
var elsewhere = []string{
	"GET /sessions/stream",       // TestTheStreamTellsEveryChange
	"POST /sessions/:id/stop",    // TestALifeOverTheAPI
	"DELETE /sessions/:id",       // TestALifeOverTheAPI
	"GET /sessions/:id/attach",   // TestALifeOverTheAPI
	"POST /sessions/:id/answers", // TestTheInboxHasWhatNeedsAPerson
	"POST /sessions/:id/cancel",  // of package link: TestOrdersAreGivenAndWrittenDown
	"POST /sessions/:id/usage",   // TestReportedUsageCounts: all sums are nought here
	"POST /found/:id/adopt",      // TestWhatIsFoundIsAdoptedOrDeleted
	"DELETE /found/:id",          // TestWhatIsFoundIsAdoptedOrDeleted

	// TestChroniclesAreKeptAsTheContractSays
	"GET /chronicles", "POST /chronicles", "GET /chronicles/search", "GET /chronicles/:id", "PATCH /chronicles/:id", "DELETE /chronicles/:id",
	"GET /chronicles/:id/chain", "GET /sessions/:id/chronicle", "POST /sessions/:id/chronicle",
	// TestTimelineAddsUpAsTheContractSays
	"GET /chronicles/:id/timeline", "POST /chronicles/:id/timeline",
	// TestTemplatesAndProfilesAsTheContractSays
	"GET /templates", "POST /templates", "GET /templates/:name", "PUT /templates/:name", "DELETE /templates/:name",
	"GET /profiles", "POST /profiles", "GET /profiles/:name", "PUT /profiles/:name", "DELETE /profiles/:name",
	"GET /mcp-servers", "GET /mcp-servers/:name", // TestTemplatesAndProfilesAsTheContractSays
	"GET /audit/export",          // TestAnExportVerifiesElsewhere
	"DELETE /trusts/:id",         // TestOneIsAskedAgain
	"DELETE /logins/:id",         // TestOnesOwnBrowsers
	"GET /chronicles/:id/export", // TestAChronicleInTheBrowser
	// TestRawEventsAreKeptAsTheContractSays
	"POST /events", "POST /events/batch", "GET /events/health", "GET /sessions/:id/events", "GET /sessions/:id/events/counts",
	"GET /sessions/:id/events/tokens",

	// TestAPullRequestOfASession, TestBranchesOfARepository
	"GET /providers", "GET /repos/branches", "GET /repos/prs", "POST /repos/prs", "GET /repos/prs/:number", "GET /repos/prs/:number/ci",
	"POST /repos/prs/:number/merge", "GET /sessions/:id/pr", "GET /sessions/:id/pr/text",

	// They ask a running session, of which there is none here: daemon/changes.
	"GET /sessions/:id/changes", "POST /sessions/:id/changes/stage", "POST /sessions/:id/changes/unstage",
	"POST /sessions/:id/changes/discard", "POST /sessions/:id/changes/commit", "GET /sessions/:id/branch", "POST /sessions/:id/push",
	// And what packs and unpacks, by the engine's and the chronicle's tests.
	"POST /sessions/:id/archive", "PATCH /sessions/:id/archive", "POST /sessions/:id/restore", "PATCH /sessions/:id/restore",
	"POST /chronicles/:id/reforge", "POST /sessions/:id/checkpoints/:checkpoint/rewind", "GET /sessions/:id/checkpoints/:checkpoint/loss",
	"GET /sessions/:id/diff/files", "GET /sessions/:id/diff", "GET /sessions/:id/commits", "GET /chronicles/:id/diff",
}

func TestTheContract(t *testing.T) {
	w := newWorld(t)
	ids := w.contractSessions()
	router := serving(w.options).router()
	shapes := readDocument(t, document)
	proven, last := map[string]bool{}, ""
	fill := func(text string) string { return strings.ReplaceAll(ids.Replace(text), "$last", last) }
	for _, c := range contractCases {
		method, path, _ := strings.Cut(fill(c.do), " ")
		status, head, body := w.ask(method, Prefix+path, fill(c.body), func(r *http.Request) { r.Header.Set("Content-Type", "application/json") })
		if c.want != "" && !strings.HasPrefix(head.Get("Content-Type"), "application/json") {
			t.Errorf("%s: content type %q", c.do, head.Get("Content-Type"))
		}
		if status != c.status {
			t.Errorf("%s %.100s: %d, want %d: %.300s", c.do, c.body, status, c.status, body)
			continue
		}
		if c.want == "" {
			if body != "" {
				t.Errorf("%s: a body: %s", c.do, body)
			}
		} else if why := fits(fill(c.want), body); why != "" {
			t.Errorf("%s %.100s: %s\n%s", c.do, c.body, why, body)
		}
		if why := shapes.fits(method, pattern(router, method, Prefix+path), status, body); why != "" {
			t.Errorf("%s: not as the document says: %s", c.do, why)
		}
		var made struct{ ID string }
		if status == 201 && json.Unmarshal([]byte(body), &made) == nil {
			last = made.ID
		}
		if status < 400 {
			proven[pattern(router, method, Prefix+path)] = true
		}
	}
	for _, route := range router.Routes() {
		below, ok := strings.CutPrefix(route.Path, Prefix)
		key := route.Method + " " + below
		if ok && route.Method != echo.RouteNotFound && !proven[key] && !slices.Contains(elsewhere, key) {
			t.Errorf("%s: no case of it succeeds", key)
		}
	}
}

// pattern is the route that takes a request, below Prefix.
func pattern(router *echo.Echo, method, path string) string {
	path, _, _ = strings.Cut(path, "?")
	c := router.NewContext(httptest.NewRequest(method, path, http.NoBody), httptest.NewRecorder())
	router.Router().Find(method, path, c)
	return method + " " + strings.TrimPrefix(c.Path(), Prefix)
}

// fits says where an answer is not what was wanted, or nothing.
func fits(want, got string) string {
	var w, g any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		return "the case is not JSON: " + err.Error() + ": " + want
	}
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		return "the answer is not JSON: " + err.Error()
	}
	return differs("", w, g)
}

func differs(at string, want, got any) string {
	switch w := want.(type) {
	case string:
		if g, ok := got.(string); ok && strings.Contains(w, "*") && like(w, g) || w == "*" || got == want {
			return ""
		}
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			break
		}
		for k, v := range w {
			have, ok := g[k]
			if !ok {
				return fmt.Sprintf("%s.%s is missing", at, k)
			}
			if why := differs(at+"."+k, v, have); why != "" {
				return why
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			break
		}
		for i := range w {
			if why := differs(fmt.Sprintf("%s[%d]", at, i), w[i], g[i]); why != "" {
				return why
			}
		}
		return ""
	default:
		if want == got {
			return ""
		}
	}
	return fmt.Sprintf("%s is %v, want %v", at, got, want)
}

// like reports whether text is as the pattern says, in which * is anything.
func like(pattern, text string) bool {
	first, rest, more := strings.Cut(pattern, "*")
	if !more {
		return pattern == text
	}
	if text, ok := strings.CutPrefix(text, first); ok {
		for i := range len(text) + 1 {
			if like(rest, text[i:]) {
				return true
			}
		}
	}
	return false
}

// What the contract's own client asks for as it begins is all answered.
func TestWhatTheReferenceBeginsWithIsAnswered(t *testing.T) {
	w := newWorld(t)
	for path, want := range map[string]string{
		"/sessions": "", "/models": "", "/stats": "", "/feature-flags": "", "/me": "", "/templates": "", "/presets": "", "/secrets": "", "/mcp-servers": "",
		"/features?scope=session": `{"key":"chat","label":"Chat","icon":"message-square","scope":"session","enabled":true,"default_enabled":true,"admin_only":false,"order":0}`,
		"/features/preferences":   "[]",
	} {
		if status, body := w.get(Prefix + path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, body := w.get("/api/v1/niuu/repos"); status != http.StatusOK || strings.TrimSpace(body) != "{}" {
		t.Errorf("%d %s", status, body)
	}
}
