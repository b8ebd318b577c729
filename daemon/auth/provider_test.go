package auth

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"volundr/daemon/auth/oidc"
	"volundr/store"
)

func TestAProviderLogsSomebodyIn(t *testing.T) {
	p := newIDP(t)
	a := byProvider(t, p.provider(), staffRoles)
	b := newTab(a)
	asked := b.begin(t, "/sessions/new")
	for key, want := range map[string]string{"client_id": "volundr", "response_type": "code", "redirect_uri": a.ControlOrigin() + "/login/oidc/callback",
		"scope": "openid", "code_challenge_method": "S256"} {
		if got := asked.Get(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	p.set(func(p *idp) { p.asked = asked })
	res := b.load("GET", callbackPath+"?code=c0de&state="+asked.Get("state"), "cross-site")
	if res.Header.Get("Refresh") != "0; url=/sessions/new" || !b.loggedIn() || len(b.cookies) != 1 {
		t.Fatalf("%d %q %v", res.StatusCode, res.Header.Get("Refresh"), b.cookies)
	}
	if asked.Get("code_challenge") != oauth2.S256ChallengeFromVerifier(p.verifier) || len(p.verifier) < 43 {
		t.Errorf("the code was redeemed with %q, which is not the challenge's", p.verifier)
	}
	u := userNamed(t, a, "ann")
	if got := text(b.load("GET", "/", "none")); got != "in as "+u.ID || u.Role != store.RoleDeveloper {
		t.Errorf("%q, and the user is %+v", got, u)
	}
	if again := newTab(a); again.through(t, p, "/") == nil || !again.loggedIn() || len(users(t, a)) != 2 {
		t.Errorf("a second login makes another user: %v", users(t, a))
	}
	for _, page := range []string{"/login/oidc", "/login/oidc/callback"} { // of who is logged in already
		if res := b.load("HEAD", page, "none"); len(res.Cookies()) != 0 {
			t.Errorf("HEAD %s sets %v", page, res.Cookies())
		}
	}
	if res := b.load("GET", callbackPath+"?code=c0de&state="+asked.Get("state"), "same-origin"); res.StatusCode != http.StatusSeeOther {
		t.Errorf("the callback, loaded anew: %d", res.StatusCode)
	}
}

// Each of these providers lies in one thing. Nobody is logged in, a sentence says
// why, nothing of what the provider wrote stands in it, and the machine's own
// way in works as ever.
func TestAProviderThatLies(t *testing.T) {
	const planted = "<script>planted</script>"
	other := &idp{key: newKey()}
	for name, c := range map[string]struct {
		lie    func(*idp)
		status int
		words  string
	}{
		"wrong audience":           {func(p *idp) { p.says = map[string]any{"aud": planted} }, 403, "is meant for another application"},
		"no audience":              {func(p *idp) { p.says = map[string]any{"aud": nil} }, 403, "is meant for another application"},
		"another party":            {func(p *idp) { p.says = map[string]any{"aud": []string{"volundr", "x"}, "azp": planted} }, 403, "is meant for another application"},
		"expired":                  {func(p *idp) { p.says = map[string]any{"exp": time.Now().Add(-time.Minute).Unix()} }, 403, "has expired"},
		"never expires":            {func(p *idp) { p.says = map[string]any{"exp": nil} }, 403, "has expired"},
		"wrong issuer":             {func(p *idp) { p.says = map[string]any{"iss": "https://" + planted} }, 403, "names another provider"},
		"wrong nonce":              {func(p *idp) { p.says = map[string]any{"nonce": planted} }, 403, "belongs to another login"},
		"no nonce":                 {func(p *idp) { p.says = map[string]any{"nonce": nil} }, 403, "belongs to another login"},
		"no subject":               {func(p *idp) { p.says = map[string]any{"sub": nil} }, 403, "could not be verified"},
		"endless subject":          {func(p *idp) { p.says = map[string]any{"sub": strings.Repeat("s", 256)} }, 403, "could not be verified"},
		"unsigned":                 {func(p *idp) { p.header, p.sign = `{"alg":"none"}`, func(string) string { return "" } }, 403, "is not signed by it"},
		"signed by somebody":       {func(p *idp) { p.sign = other.honestly }, 403, "is not signed by it"},
		"signed by its own key":    {func(p *idp) { p.header = `{"alg":"HS256","kid":"k"}` }, 403, "is not signed by it"},
		"an unknown key":           {func(p *idp) { p.header, p.sign = `{"alg":"RS256","kid":"z"}`, other.honestly }, 403, "is not signed by it"},
		"no token":                 {func(p *idp) { p.raw = `{"access_token":"x","token_type":"Bearer"}` }, 403, "is not signed by it"},
		"no JSON":                  {func(p *idp) { p.raw = planted }, 503, "does not answer as it should"},
		"an endless answer":        {func(p *idp) { p.raw = `{"id_token":"` + strings.Repeat("x", 8<<20) + `"}` }, 503, "does not answer as it should"},
		"the code was used":        {func(p *idp) { p.refuses = `{"error":"invalid_grant","error_description":"` + planted + `"}` }, 403, "was used already"},
		"knows us not":             {func(p *idp) { p.refuses = `{"error":"invalid_client","error_description":"` + planted + `"}` }, 403, "oidc.client_id"},
		"refuses oddly":            {func(p *idp) { p.refuses = `{"error":"` + planted + `"}` }, 503, "does not answer as it should"},
		"no group of ours":         {func(p *idp) { p.says = map[string]any{"groups": []string{planted}} }, 403, "none of the groups"},
		"no groups":                {func(p *idp) { p.says = map[string]any{"groups": nil} }, 403, "none of the groups"},
		"groups of another kind":   {func(p *idp) { p.says = map[string]any{"groups": map[string]any{"staff": true}} }, 403, "none of the groups"},
		"10,000 groups, none ours": {func(p *idp) { p.says = map[string]any{"groups": many(10_000)} }, 403, "none of the groups"},
		"tells of somebody else": {func(p *idp) {
			p.says, p.info = map[string]any{"groups": nil}, map[string]any{"sub": "43", "groups": []string{"chiefs"}}
		}, 403, "speaks of somebody else"},
		"goes away": {func(p *idp) { p.CloseClientConnections(); p.Listener.Close() }, 503, "does not answer as it should"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newIDP(t)
			if strings.HasPrefix(name, "tells of") { // which the discovery has to offer
				p.set(c.lie)
			}
			a := byProvider(t, p.provider(), staffRoles)
			b := newTab(a)
			asked := b.begin(t, "/")
			p.set(c.lie)
			p.set(func(p *idp) { p.asked = asked })
			res := b.load("GET", callbackPath+"?code=c0de&state="+asked.Get("state"), "cross-site")
			refusedBy(t, a, b, res, c.status, c.words)
		})
	}
}

// refusedBy fails unless nobody came in, with a sentence, and a login link works.
func refusedBy(t *testing.T, a *Auth, b *tab, res *http.Response, status int, words string) {
	t.Helper()
	body := text(res)
	if res.StatusCode != status || !strings.Contains(body, words) {
		t.Errorf("%d, want %d with %q: %s", res.StatusCode, status, words, body)
	}
	for _, secret := range []string{"planted", "hunter2", "c0de"} {
		if strings.Contains(body, secret) {
			t.Errorf("the answer holds %q: %s", secret, body)
		}
	}
	if b.loggedIn() || len(users(t, a)) != 1 {
		t.Errorf("somebody came in: %v %v", b.cookies, users(t, a))
	}
	logIn(t, a)
}

func many(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("cn=group-%d,ou=groups,dc=example,dc=com", i)
	}
	return out
}

// What a provider says of itself is looked at before anybody is sent there.
func TestAProviderThatIsNotWhomItShouldBe(t *testing.T) {
	for name, c := range map[string]struct {
		lie   func(*idp)
		words string
	}{
		"is another":                {func(p *idp) { p.finds = map[string]any{"issuer": "https://other.example"} }, "says that it is another one"},
		"sends people elsewhere":    {func(p *idp) { p.finds = map[string]any{"authorization_endpoint": "http://planted.example"} }, "not https"},
		"takes codes unencrypted":   {func(p *idp) { p.finds = map[string]any{"token_endpoint": "http://planted.example"} }, "not https"},
		"gives keys unencrypted":    {func(p *idp) { p.finds = map[string]any{"jwks_uri": "http://planted.example"} }, "not https"},
		"asks for another protocol": {func(p *idp) { p.finds = map[string]any{"authorization_endpoint": "javascript:planted()"} }, "not https"},
		"is down":                   {func(p *idp) { p.Listener.Close() }, "does not answer as it should"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newIDP(t)
			p.set(c.lie)
			a := byProvider(t, p.provider(), staffRoles)
			b := newTab(a)
			status := 403
			if name == "is down" {
				status = 503
			}
			refusedBy(t, a, b, b.load("GET", beginPath, "none"), status, c.words)
		})
	}
}

func TestAProviderThatComesBackIsAskedAgain(t *testing.T) {
	p := newIDP(t)
	p.set(func(p *idp) { p.finds = map[string]any{"issuer": "https://other.example"} })
	a := byProvider(t, p.provider(), staffRoles)
	b := newTab(a)
	if res := b.load("GET", beginPath, "none"); res.StatusCode != 403 {
		t.Fatalf("%d", res.StatusCode)
	}
	p.set(func(p *idp) { p.finds = nil })
	if b.through(t, p, "/"); !b.loggedIn() {
		t.Error("nobody comes in")
	}
}

// An answer counts for the browser and the login that asked for it only.
func TestAnAnswerOfAnotherLogin(t *testing.T) {
	p := newIDP(t)
	a := byProvider(t, p.provider(), staffRoles)
	victim, thief := newTab(a), newTab(a)
	theirs := thief.begin(t, "/")
	mine := victim.begin(t, "/")
	p.set(func(p *idp) { p.asked = theirs })
	for _, c := range map[string]struct {
		b     *tab
		query string
		words string
	}{
		"another's answer":              {victim, "code=c0de&state=" + theirs.Get("state"), "another login"},
		"no state":                      {victim, "code=c0de", "another login"},
		"of a browser that never asked": {newTab(a), "code=c0de&state=" + mine.Get("state"), "has not begun"},
		"of another provider":           {thief, "code=c0de&iss=https://planted&state=" + theirs.Get("state"), "another identity provider"},
	} {
		before := url.Values{}
		for k, v := range c.b.cookies {
			before.Set(k, v)
		}
		refusedBy(t, a, c.b, c.b.load("GET", callbackPath+"?"+c.query, "cross-site"), 403, c.words)
		for k := range before { // the next case finds it as it was
			c.b.cookies[k] = before.Get(k)
		}
	}
	late, err := a.flows.close(flow{Flow: oidc.Flow{State: "s"}, End: time.Now().Add(-time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	forged, _ := newFlows("another token").close(flow{Flow: oidc.Flow{State: "s"}, End: time.Now().Add(time.Hour)})
	for what, cookie := range map[string]string{"too late": late, "of another installation": forged, "cut off": late[:20], "nothing": "", "no base64": "é"} {
		b := newTab(a)
		b.cookies[a.flowName(here)] = cookie
		if res := b.load("GET", callbackPath+"?code=c0de&state=s", "cross-site"); res.StatusCode != 403 || b.loggedIn() {
			t.Errorf("%s: %d %v", what, res.StatusCode, b.cookies)
		}
	}
}

func TestAProviderRefuses(t *testing.T) {
	p := newIDP(t)
	a := byProvider(t, p.provider(), staffRoles)
	for code, words := range map[string]string{"access_denied": "did not let you in", "server_error": "in trouble", "planted": "refused this login"} {
		b := newTab(a)
		asked := b.begin(t, "/")
		res := b.load("GET", callbackPath+"?error="+code+"&error_description=planted&state="+asked.Get("state"), "cross-site")
		refusedBy(t, a, b, res, 403, words)
	}
}

// The most that a group gives counts, with every login anew; what was open by
// more than that is cut.
func TestRolesFollowGroups(t *testing.T) {
	p := newIDP(t)
	a := byProvider(t, p.provider(), staffRoles)
	var open context.Context
	for i, c := range []struct {
		groups any
		want   store.Role
	}{
		{append(many(10_000), "staff", "chiefs"), store.RoleAdmin},
		{[]string{"guests", "staff"}, store.RoleDeveloper},
		{[]any{7, nil, map[string]any{}, "guests"}, store.RoleViewer},
		{"chiefs", store.RoleAdmin},
	} {
		p.set(func(p *idp) { p.says = map[string]any{"groups": c.groups} })
		b := newTab(a)
		if res := b.through(t, p, "/"); !b.loggedIn() {
			t.Fatalf("%d: %d %s", i, res.StatusCode, text(res))
		}
		u := userNamed(t, a, "ann")
		if u.Role != c.want {
			t.Errorf("%d: %s, want %s", i, u.Role, c.want)
		}
		if open != nil && open.Err() == nil {
			t.Errorf("%d: what was open by another role is open still", i)
		}
		l, err := a.db.LoginByHash(t.Context(), digest(b.cookies[a.cookieName(here)]), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		ctx, done := a.live.begin(t.Context(), l)
		t.Cleanup(done)
		open = ctx
	}
}

// Without a mapping of groups a provider says who somebody is, and an admin what
// they may.
func TestWithoutGroupsTheRoleIsTheAdmins(t *testing.T) {
	p := newIDP(t)
	a := byProvider(t, p.provider(), Roles{Default: store.RoleViewer})
	newTab(a).through(t, p, "/")
	u := userNamed(t, a, "ann")
	if u.Role != store.RoleViewer {
		t.Fatalf("begins as %s", u.Role)
	}
	if _, err := a.SetRole(t.Context(), Local, u.ID, store.RoleDeveloper); err != nil {
		t.Fatal(err)
	}
	newTab(a).through(t, p, "/")
	if u := userNamed(t, a, "ann"); u.Role != store.RoleDeveloper {
		t.Errorf("is %s again", u.Role)
	}
}

// Groups that are not in the token are asked for; a nested claim is found.
func TestGroupsOfElsewhere(t *testing.T) {
	p := newIDP(t)
	p.set(func(p *idp) {
		p.says = map[string]any{"groups": nil, "preferred_username": nil}
		p.info = map[string]any{"sub": "42", "email": "Änne.B@example.com", "realm_access": map[string]any{"roles": []string{"chiefs"}}}
	})
	a := byProvider(t, oidc.New(oidc.Options{Issuer: p.URL, ClientID: "volundr", GroupsClaim: "realm_access.roles"}), staffRoles)
	if res := newTab(a).through(t, p, "/"); userNamed(t, a, "nne.b").Role != store.RoleAdmin {
		t.Errorf("%d %s", res.StatusCode, text(res))
	}
}

// A name is nobody's proof: who calls themselves like a user who is there is
// another user.
func TestANameTakesNobodysPlace(t *testing.T) {
	p := newIDP(t)
	a := byProvider(t, p.provider(), staffRoles)
	for i, name := range []string{"local", "LOCAL", "local-2"} {
		p.set(func(p *idp) { p.says = map[string]any{"sub": fmt.Sprint(i), "preferred_username": name} })
		b := newTab(a)
		b.through(t, p, "/")
		if got := text(b.load("GET", "/", "none")); got == "in as local" || !strings.HasPrefix(got, "in as ") {
			t.Errorf("%s: %s", name, got)
		}
	}
	if all := users(t, a); len(all) != 4 {
		t.Errorf("%v", all)
	}
	for said, want := range map[string]string{"": "user", "..": "user", "Ann B@x": "ann-b-x", "ÅÄÖ": "user",
		strings.Repeat("x", 500): strings.Repeat("x", 60), "6f9619ff-8b86-d011-b42d-00c04fc964ff": "user-6f9619ff-8b86-d011-b42d-00c04fc964ff"} {
		if got := userName(said); got != want {
			t.Errorf("%q becomes %q, want %q", said, got, want)
		}
	}
}

// A login ends here first, and then at the provider, which leads back.
func TestALogoutGoesOnToTheProvider(t *testing.T) {
	p := newIDP(t)
	a := byProvider(t, p.provider(), staffRoles)
	b := newTab(a)
	b.through(t, p, "/")
	if res := b.load("GET", leavePath, "none"); res.StatusCode != http.StatusSeeOther || !b.loggedIn() {
		t.Errorf("who is logged in is led out by a link: %d", res.StatusCode)
	}
	res := b.load("POST", "/logout", "same-origin")
	if res.Header.Get("Location") != leavePath || b.loggedIn() {
		t.Fatalf("%d %s", res.StatusCode, res.Header.Get("Location"))
	}
	want := "0; url=" + p.URL + "/logout?client_id=volundr&post_logout_redirect_uri=" + url.QueryEscape(a.ControlOrigin()+"/login")
	if got := b.load("GET", leavePath, "same-origin").Header.Get("Refresh"); got != want {
		t.Errorf("goes on to %q, want %q", got, want)
	}
	c := logIn(t, a) // by a link: the provider has nothing to do with it
	b.cookies[c.Name] = c.Value
	if got := b.load("POST", "/logout", "same-origin").Header.Get("Location"); got != "/login" {
		t.Errorf("a login by link goes on to %q", got)
	}
}

// After a login's life the provider is asked again, however much it was used.
func TestALoginByAProviderEnds(t *testing.T) {
	p := newIDP(t)
	a := byProvider(t, p.provider(), staffRoles)
	b := newTab(a)
	b.through(t, p, "/")
	hash := digest(b.cookies[a.cookieName(here)])
	l, err := a.db.LoginByHash(t.Context(), hash, time.Now())
	if err != nil || l.Via != store.ViaOIDC || time.Until(l.ExpiresAt) > time.Hour {
		t.Fatalf("%+v %v", l, err)
	}
	l.UsedAt = time.Now().Add(-2 * touchStep)
	a.prolong(nil, request("GET", "/", a.hosts.control), l)
	again, err := a.db.LoginByHash(t.Context(), hash, time.Now())
	if err != nil || !again.ExpiresAt.Equal(l.ExpiresAt) {
		t.Errorf("ends %v, and then %v (%v)", l.ExpiresAt, again.ExpiresAt, err)
	}
	ctx, done := a.live.begin(t.Context(), l)
	defer done()
	if end, ok := ctx.Deadline(); !ok || !end.Equal(l.ExpiresAt) {
		t.Errorf("a stream that it opened lasts until %v", end)
	}
}

func users(t *testing.T, a *Auth) []store.User {
	t.Helper()
	all, err := a.db.Users(t.Context(), Local)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func userNamed(t *testing.T, a *Auth, name string) store.User {
	t.Helper()
	u, err := a.db.User(t.Context(), Local, name)
	if err != nil {
		t.Fatalf("user %s: %v (%v)", name, err, users(t, a))
	}
	return u
}
