package docker

import (
	"testing"
	"time"

	"github.com/docker/docker/api/types/image"
	"github.com/google/go-cmp/cmp"

	"volundr/runtime"
)

func TestOutdatedImages(t *testing.T) {
	now := time.Now()
	made := func(id, base, session string, age time.Duration) image.Summary {
		labels := map[string]string{labelBase: base}
		if session != "" {
			labels[labelRecipe] = session
		}
		return image.Summary{ID: id, Labels: labels, Created: now.Add(-age).Unix()}
	}
	sandbox := func(i image.Summary) image.Summary {
		i.Labels[runtime.LabelKind] = string(runtime.Sandbox)
		return i
	}
	tagged := func(i image.Summary, tag string) image.Summary {
		i.RepoTags = []string{tag}
		return i
	}
	plan := &imagePlan{kind: runtime.Session, base: "b2", whole: "s2"}
	const long, short = 2 * pruneAge, pruneAge / 2
	got := []string{}
	for _, i := range outdated([]image.Summary{
		made("current", "b2", "s2", long),
		made("current base", "b2", "", long),
		made("same base, other program", "b2", "s1", long),
		made("same base, other program, young", "b2", "s3", short),
		made("base in use", "b1", "", long),
		made("its session image", "b1", "s0", short),
		made("base alone", "b0", "", long),
		made("base alone, young", "b9", "", short),
		sandbox(made("a sandbox's", "b7", "s7", long)),
		tagged(made("a user's, made from one of ours", "b2", "s1", long), "acme/go-session:1"),
		tagged(made("a user's, made from a base of ours", "b5", "", long), "volundr-session-go:1"),
		tagged(made("fitted to an older program", "b2", "s1", long), "volundr-session-fitted:abc"),
		tagged(made("fitted", "b2", "s2", long), "volundr-session-fitted:def"),
		sandbox(made("a sandbox's base", "b8", "", long)),
	}, plan, now) {
		got = append(got, i.ID)
	}
	if diff := cmp.Diff([]string{"same base, other program", "base alone", "fitted to an older program"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
