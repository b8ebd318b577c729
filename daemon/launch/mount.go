package launch

import (
	"fmt"
	"strings"

	"volundr/daemon/vault"
	"volundr/runtime/broker/wire"
)

// laid are secrets as they are put together: what stands where, and whose it is.
type laid struct {
	wire.Secrets
	whose map[string]string // variable or path → credential
	names []string          // of the credentials that are in it
}

func newLaid() *laid {
	return &laid{Secrets: wire.Secrets{Env: map[string]string{}}, whose: map[string]string{}}
}

// mount lays a credential by the contract's rules: keys and tokens into
// variables that are named by the credential, the rest into files.
func (l *laid) mount(c vault.Credential, v vault.Values) error {
	switch c.Type {
	case vault.GitCredential:
		return l.gitCredential(c.Name, v["url"])
	case vault.SSHKey:
		err := l.file(c.Name, "ssh/id_rsa", ".ssh/id_rsa", v["private_key"])
		if pub := v["public_key"]; err == nil && pub != "" {
			err = l.file(c.Name, "ssh/id_rsa.pub", ".ssh/id_rsa.pub", pub)
		}
		return err
	case vault.TLSCert:
		err := l.file(c.Name, "tls/"+c.Name+".crt", "", v["certificate"])
		if err == nil {
			err = l.file(c.Name, "tls/"+c.Name+".key", "", v["private_key"])
		}
		return err
	}
	name := variable(strings.ToUpper(c.Name))
	for _, key := range c.Keys {
		to := name
		if len(c.Keys) > 1 {
			to += "_" + variable(strings.ToUpper(key))
		}
		if err := l.variable(c.Name, to, v[key]); err != nil {
			return err
		}
	}
	return nil
}

// reference lays a secret that a template refers to: its keys are the
// variables. Of credentials that have names of their own for their values it is
// the same as to mount them.
func (l *laid) reference(c vault.Credential, v vault.Values) error {
	if c.Type != vault.Generic {
		return l.mount(c, v)
	}
	for _, key := range c.Keys {
		if err := l.variable(c.Name, variable(key), v[key]); err != nil {
			return err
		}
	}
	return nil
}

// variable is a name as shells take it.
func variable(name string) string { return strings.NewReplacer("-", "_", ".", "_").Replace(name) }

// own are variables that a session's programs cannot do without.
var own = map[string]bool{"HOME": true, "PATH": true, "USER": true, "SHELL": true, "PWD": true, "LD_PRELOAD": true, "LD_LIBRARY_PATH": true}

func (l *laid) variable(whose, name, value string) error {
	switch {
	case !envName.MatchString(name):
		return fmt.Errorf("The credential %q would be the variable %s, which is no name of one: call it so that it begins with a letter.", whose, name)
	case own[name], strings.HasPrefix(name, "VOLUNDR_"):
		return fmt.Errorf("The credential %q would be the variable %s, which the session itself needs: give it another name.", whose, name)
	}
	if err := l.take(whose, "$"+name); err != nil {
		return err
	}
	l.Env[name] = value
	return nil
}

func (l *laid) file(whose, path, link, text string) error {
	if err := l.take(whose, path); err != nil {
		return err
	}
	l.Files = append(l.Files, wire.SecretFile{Path: path, Link: link, Data: []byte(strings.TrimRight(text, "\n") + "\n")})
	return nil
}

// take reserves a place for a credential. One that is named twice is mounted
// once, by the caller.
func (l *laid) take(whose, place string) error {
	if other, ok := l.whose[place]; ok {
		return fmt.Errorf("The credentials %q and %q cannot be in one session: both would be %s.", other, whose, place)
	}
	l.whose[place] = whose
	return nil
}

const gitCredentials = "git-credentials"

// gitCredential adds a line to the one file of all, and tells git to read it.
func (l *laid) gitCredential(whose, url string) error {
	for i := range l.Files {
		if f := &l.Files[i]; f.Path == gitCredentials {
			f.Data = append(f.Data, url+"\n"...)
			return nil
		}
	}
	for name, value := range map[string]string{"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "credential.helper", "GIT_CONFIG_VALUE_0": "store"} {
		if err := l.variable(whose, name, value); err != nil {
			return err
		}
	}
	return l.file(whose, gitCredentials, ".git-credentials", url)
}
