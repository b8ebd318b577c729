package spelling

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"listen", "local_mounts", "engine", "image", "models"}
	for word, want := range map[string]string{
		"engin": "engine", "listn": "listen", "Image": "image", "local": "local_mounts", "mount": "", "completely-else": "", "": "", "model": "models",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	if got := Nearest("x", nil); got != "" {
		t.Errorf("of nothing: %q", got)
	}
}
