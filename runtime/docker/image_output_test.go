package docker

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime"
)

const buildStream = `{"stream":"Step 1/5 : ARG BASE=debian"}
{"stream":"\n"}
{"stream":"Step 2/5 : FROM ${BASE} AS code-server"}
{"stream":"\n"}
{"stream":" ---\u003e d5fa938e42fc\n"}
{"stream":"Step 3/5 : RUN npm install"}
{"stream":"\n"}
{"stream":" ---\u003e Running in 83bd0b2f6d2e\n"}
{"stream":"added 3\rad"}
{"stream":"ded 4\n"}
{"stream":"\u001b[91mnpm warn old\n\u001b[0m"}
{"stream":" ---\u003e 33c50639800c\n"}
{"stream":"Step 4/5 : FROM scratch"}
{"stream":"\n"}
`

func TestBuildOutput(t *testing.T) {
	var got []runtime.Progress
	out := buildOutput{report: func(p runtime.Progress) { got = append(got, p) }}
	if err := out.read(strings.NewReader(buildStream)); err != nil {
		t.Fatal(err)
	}
	want := []runtime.Progress{
		{Step: 1, Steps: 5, Text: "image 1/5", Log: "Step 1/5 : ARG BASE=debian"},
		{Step: 2, Steps: 5, Text: "code-server 2/5", Log: "Step 2/5 : FROM ${BASE} AS code-server"},
		{Step: 3, Steps: 5, Text: "code-server 3/5", Log: "Step 3/5 : RUN npm install"},
		{Step: 3, Steps: 5, Text: "code-server 3/5", Log: "added 3"},
		{Step: 3, Steps: 5, Text: "code-server 3/5", Log: "added 4"},
		{Step: 3, Steps: 5, Text: "code-server 3/5", Log: "npm warn old"},
		{Step: 4, Steps: 5, Text: "image 4/5", Log: "Step 4/5 : FROM scratch"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"33c50639800c"}, out.stages); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
}

func TestBuildFailureSaysStepCauseAndLastLines(t *testing.T) {
	tests := []struct{ name, printed, message, want string }{
		{"a command", "npm error code E404", "The command 'npm install' returned a non-zero code: 1", "its command ended with exit code 1; mend that and start again"},
		{"disk", "tar: write: No space left on device", "returned a non-zero code: 2", "the disk of the Docker engine is full"},
		{"disk, said by the engine", "", "write /var/lib/docker/tmp: no space left on device", "the disk of the Docker engine is full"},
		{"certificate", "npm error code SELF_SIGNED_CERT_IN_CHAIN", "returned a non-zero code: 1", "--ca-bundle"},
		{"network", "npm error code EAI_AGAIN", "returned a non-zero code: 1", "a package registry did not answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := buildOutput{report: func(runtime.Progress) {}}
			stream := `{"stream":"Step 2/5 : FROM x AS agents\nStep 3/5 : RUN npm install\n` + tt.printed + `\n"}` + "\n" +
				`{"errorDetail":{"message":"x"},"error":"` + tt.message + `"}`
			err := out.read(strings.NewReader(stream))
			if !errors.Is(err, runtime.ErrInvalid) {
				t.Fatal(err)
			}
			for _, part := range []string{"agents 3/5", "RUN npm install", tt.printed, tt.want} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q is not in:\n%s", part, err)
				}
			}
		})
	}
}

func TestBuildStreamCutOffIsNotTheRecipesFault(t *testing.T) {
	out := buildOutput{report: func(runtime.Progress) {}}
	if err := out.read(strings.NewReader(`{"stream":"Step 1/5 : FROM x\n"}{"str`)); !errors.Is(err, runtime.ErrUnavailable) {
		t.Error(err)
	}
}

func FuzzBuildOutput(f *testing.F) {
	f.Add("Step 1/5 : FROM a AS b\n", " ---> d5fa938e42fc\n")
	f.Add("[1/2] STEP 99999999999999999999/1: FROM scratch\r", "\x1b[91m\x00x")
	f.Fuzz(func(t *testing.T, a, b string) {
		out := buildOutput{report: func(p runtime.Progress) {
			if len(p.Log) > lineLimit+len(" …") || strings.ContainsFunc(p.Log, func(r rune) bool { return r != '\t' && r < 0x80 && unicode.IsControl(r) }) {
				t.Errorf("line %q", p.Log)
			}
		}}
		out.write(a)
		out.write(b)
		out.flush()
		if len(out.tail) > tailLines {
			t.Errorf("%d lines kept", len(out.tail))
		}
	})
}
