package source

import "net/url"

// login has git take user name and password from the environment, for the
// remote's own host and for no other that it may be sent on to, in place of all
// helpers of the user's, which would be asked to keep them.
func (r Remote) login() []string {
	u, err := url.Parse(r.URL)
	if r.password == "" || err != nil {
		return nil
	}
	key := "credential." + u.Scheme + "://" + u.Host + ".helper="
	return []string{"-c", key, "-c", key + `!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$VOLUNDR_GIT_USER" "$VOLUNDR_GIT_PASSWORD"; }; f`}
}

func (r Remote) loginEnv() []string {
	if r.password == "" {
		return nil
	}
	return []string{"VOLUNDR_GIT_USER=" + r.user, "VOLUNDR_GIT_PASSWORD=" + r.password}
}

// host is where an http remote is.
func (r Remote) host() string {
	u, err := url.Parse(r.URL)
	if err != nil {
		return ""
	}
	return u.Host
}
