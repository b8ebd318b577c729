package api

import (
	"fmt"
	"math/rand/v2"
)

var (
	first  = []string{"amber", "brisk", "calm", "clear", "deep", "early", "fair", "keen", "lucid", "mild", "quiet", "swift", "warm", "wide"}
	second = []string{"anvil", "bellows", "birch", "ember", "falcon", "forge", "harbor", "iron", "kiln", "lantern", "quill", "rivet", "spark", "tongs"}
)

// suggest gives a name that no session has.
func suggest(taken map[string]bool) string {
	for range 50 {
		name := first[rand.IntN(len(first))] + "-" + second[rand.IntN(len(second))]
		if !taken[name] {
			return name
		}
	}
	return fmt.Sprintf("session-%d", rand.IntN(1_000_000))
}
