package docker

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"volundr/runtime"
)

func TestAPushIsFollowedToItsEnd(t *testing.T) {
	const layers = `{"status":"The push refers to repository [reg.example/x]"}
{"status":"Preparing","progressDetail":{},"id":"a"}
{"status":"Preparing","progressDetail":{},"id":"b"}
{"status":"Pushing","progressDetail":{"current":1,"total":2},"id":"a"}
{"status":"Layer already exists","progressDetail":{},"id":"b"}
{"status":"Pushed","progressDetail":{},"id":"a"}
`
	for name, c := range map[string]struct{ text, says, told string }{
		"whole":     {layers + `{"status":"1: digest: sha256:1 size: 2"}`, "", "[pushed layer 1 of 2 pushed layer 2 of 2]"},
		"no login":  {`{"errorDetail":{"message":"no basic auth credentials"},"error":"no basic auth credentials"}`, "`docker login reg.example`", "[]"},
		"denied":    {layers + `{"error":"denied: requested access to the resource is denied"}`, "does not take the image from us", "[pushed layer 1 of 2 pushed layer 2 of 2]"},
		"no server": {`{"error":"dial tcp: lookup reg.example: no such host"}`, "the image did not get to reg.example: dial tcp", "[]"},
		"broken":    {`{"status":"Prep`, "the engine broke off", "[]"},
		"controls":  {`{"error":"\u001b[31mred"}`, "reg.example: red", "[]"},
	} {
		var told []string
		err := refusal("reg.example", follow(strings.NewReader(c.text), func(p runtime.Progress) { told = append(told, p.Text) }))
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) || fmt.Sprint(told) != c.told {
			t.Errorf("%s: %v, told %v", name, err, told)
		}
	}
}

func TestWhatIsNoNameIsNotPushed(t *testing.T) {
	r := &Runtime{}
	for _, to := range []string{"", "reg.example/UPPER", "reg.example/x:a:b", "reg.example/x@sha256:" + strings.Repeat("a", 64)} {
		if _, err := r.PushImage(t.Context(), runtime.Session, to, nil); !errors.Is(err, runtime.ErrInvalid) {
			t.Errorf("%q: %v", to, err)
		}
	}
}
