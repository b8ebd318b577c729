package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A daemon that is older than the command says "Not Found" to what it does not
// know: whoever asked is told why, and what to do.
func TestADaemonOfAnotherVersionIsNamed(t *testing.T) {
	daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/status") {
			io.WriteString(w, `{"version": "v1.0.0"}`)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"detail":"Not Found"}`)
	}))
	defer daemon.Close()
	said := func(version string) string {
		a, root := tree(Daemon{Version: version})
		root.SetArgs([]string{"--data-dir", t.TempDir(), "--server", daemon.URL, "--token", "t", "trusts", "list"})
		err := a.explain(root.ExecuteContext(t.Context()))
		if err == nil {
			t.Fatal("no error")
		}
		return err.Error()
	}
	if got := said("v2.0.0"); !strings.Contains(got, "of version v1.0.0 and does not know what this volundr (v2.0.0) asks") || !strings.Contains(got, "`volundr up`") {
		t.Error(got)
	}
	if got := said("v1.0.0"); got != "Not Found" {
		t.Error(got)
	}
}

// A flag's value is shown by a word: what stands in back quotes in its help
// would be taken for one.
func TestHelpNamesTheValuesOfFlags(t *testing.T) {
	var look func(*cobra.Command)
	look = func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if value, _ := pflag.UnquoteUsage(f); strings.Contains(value, " ") || strings.Contains(f.Usage, "`") {
				t.Errorf("%s --%s %s: %s", c.CommandPath(), f.Name, value, f.Usage)
			}
		})
		for _, sub := range c.Commands() {
			look(sub)
		}
	}
	look(New(Daemon{}))
}
