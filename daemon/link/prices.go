package link

import (
	"regexp"
	"strings"

	"volundr/runtime/broker/wire"
)

// price of a model in US dollars for a million tokens.
type price struct{ in, out, cacheRead, cacheWrite float64 }

// anthropic prices cache reads at a tenth and five-minute writes at five
// quarters of input.
func anthropic(in, out float64) price { return price{in, out, in / 10, in * 1.25} }

// openai prices cached input at a share of input, and writing the cache at
// nothing beyond it.
func openai(in, out, cached float64) price { return price{in, out, cached, in} }

// cachedAt is the price with another one for what is read from the cache.
func (p price) cachedAt(read float64) price {
	p.cacheRead = read
	return p
}

// since56 is openai from GPT-5.6 on: writing the cache has a price.
func since56(in, out, cached float64) price { return price{in, out, cached, in * 1.25} }

// prices are the providers' list prices for prompts of ordinary length, for
// agents that do not tell the cost themselves. A model that is not here costs
// nothing in our sums, and its chronicle says that its price is not known.
var prices = map[string]price{
	"claude-opus-4":     anthropic(15, 75),
	"claude-opus-4-0":   anthropic(15, 75),
	"claude-opus-4-1":   anthropic(15, 75),
	"claude-opus-4-5":   anthropic(5, 25),
	"claude-opus-4-6":   anthropic(5, 25),
	"claude-opus-4-7":   anthropic(5, 25),
	"claude-opus-4-8":   anthropic(5, 25),
	"claude-opus-5":     anthropic(5, 25),
	"claude-opus-5-5":   anthropic(4, 20).cachedAt(0.2),
	"claude-fable-5":    anthropic(10, 50),
	"claude-fable-5-1":  anthropic(10, 50).cachedAt(0.25),
	"claude-sonnet-4":   anthropic(3, 15),
	"claude-sonnet-4-0": anthropic(3, 15),
	"claude-sonnet-4-5": anthropic(3, 15),
	"claude-sonnet-4-6": anthropic(3, 15),
	"claude-sonnet-5":   anthropic(2, 10),
	"claude-sonnet-5-5": anthropic(2, 10).cachedAt(0.1),
	"claude-haiku-4-5":  anthropic(1, 5),
	"claude-haiku-5-5":  anthropic(0.1, 0.5),
	"claude-3-5-haiku":  anthropic(0.8, 4),
	// Claude Code's own names for the current ones.
	"opus":    anthropic(5, 25),
	"sonnet":  anthropic(3, 15),
	"haiku":   anthropic(1, 5),
	"default": anthropic(3, 15),

	"gpt-5":              openai(1.25, 10, 0.125),
	"gpt-5-codex":        openai(1.25, 10, 0.125),
	"gpt-5-mini":         openai(0.25, 2, 0.025),
	"gpt-5-nano":         openai(0.05, 0.4, 0.005),
	"gpt-5-pro":          openai(15, 120, 15),
	"gpt-5.1":            openai(1.25, 10, 0.125),
	"gpt-5.1-codex":      openai(1.25, 10, 0.125),
	"gpt-5.1-codex-max":  openai(1.25, 10, 0.125),
	"gpt-5.1-codex-mini": openai(0.25, 2, 0.025),
	"gpt-5.2":            openai(1.75, 14, 0.175),
	"gpt-5.2-codex":      openai(1.75, 14, 0.175),
	"gpt-5.3-codex":      openai(1.75, 14, 0.175),
	"gpt-5.4":            openai(2.5, 15, 0.25),
	"gpt-5.4-mini":       openai(0.75, 4.5, 0.075),
	"gpt-5.4-nano":       openai(0.2, 1.25, 0.02),
	"gpt-5.4-pro":        openai(30, 180, 30),
	"gpt-5.5":            openai(5, 30, 0.5),
	"gpt-5.5-pro":        openai(30, 180, 30),
	"gpt-5.6":            since56(4, 20, 0.4),
	"gpt-5.6-sol":        since56(4, 20, 0.4),
	"gpt-5.6-terra":      since56(2, 12, 0.2),
	"gpt-5.6-luna":       since56(0.2, 1.2, 0.02),
	"gpt-6-astra":        since56(10, 50, 1),
	"gpt-6-sol":          since56(2, 10, 0.2),
	"gpt-6-luna":         since56(0.1, 0.5, 0.01),
	"gpt-6.1-sol":        since56(2, 10, 0.1),
	"gpt-6.1-terra":      since56(1, 5, 0.05),
}

// suffix is what names carry beyond the model: a date, a context size, an
// effort.
var suffix = regexp.MustCompile(`(-\d{8}|-\d{4}-\d{2}-\d{2}|-latest|\[[^\]]*\]|/(none|minimal|low|medium|high|xhigh|max|ultra))$`)

// priced gives a model's price by any of its names.
func priced(model string) (price, bool) {
	model = strings.ToLower(model)
	for {
		if p, ok := prices[model]; ok {
			return p, true
		}
		short := suffix.ReplaceAllString(model, "")
		if short == model {
			break
		}
		model = short
	}
	if _, bare, ok := strings.Cut(model, "/"); ok { // provider/model
		return priced(bare)
	}
	return price{}, false
}

// cost of tokens in US dollars; 0 when the model's price is not known.
func cost(t wire.Spent) float64 {
	p, _ := priced(t.Model)
	return (float64(t.Input)*p.in + float64(t.Output)*p.out + float64(t.CacheRead)*p.cacheRead + float64(t.CacheWrite)*p.cacheWrite) / 1e6
}
