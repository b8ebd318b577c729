package conversation

import (
	"strings"
	"testing"

	"volundr/runtime/broker/wire"
)

// A mode that the agent does not have is said, and the turn goes on.
func TestAModeThatIsNotThereIsSaid(t *testing.T) {
	f := start(t, t.TempDir(), 0, func(o *Options) { o.Config.Agent.Mode = "reckless" })
	said := data[wire.Note](f, f.await("what is said of it", of("", wire.EntryError)))
	if !strings.Contains(said.Message, `no mode "reckless"`) {
		t.Errorf("%+v", said)
	}
	f.prompt("p", "mode")
	f.end("p")
	if f.text("p") != "careful" {
		t.Errorf("the mode is %q", f.text("p"))
	}
}
