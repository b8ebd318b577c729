package client

import (
	"strings"
	"testing"
)

func TestAmountsAreReadAndWritten(t *testing.T) {
	for _, c := range []struct{ field, text, back, wrong string }{
		{"sessions", "5", "5", ""},
		{"storage", "50Gi", "50Gi", ""},
		{"memory", " 1.5 GiB ", "1.5Gi", ""},
		{"tokens", "2M", "2M", ""},
		{"tokens", "1500", "1.5k", ""},
		{"cpu", "1.5", "1.5", ""},
		{"cost", "$20", "20", ""},
		{"cost", "none", "", ""},
		{"cost", "0", "", "cannot be a limit"},
		{"cpu", "-1", "", "is no amount"},
		{"cpu", "much", "", "is no amount"},
		{"cpu", "1e9", "", "is no amount"},
		{"memory", "", "", "is no amount"},
		{"memory", "NaN", "", "is no amount"},
		{"memory", "999999999999999Ti", "", "too much"},
		{"gold", "1", "", "there is no quota of gold"},
	} {
		var q QuotaChange
		err := q.Set(c.field, c.text)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s %q: %v, want %s", c.field, c.text, err, c.wrong)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s %q: %v", c.field, c.text, err)
			continue
		}
		var a Amounts
		for into, from := range map[*int64]*int64{&a.Sessions: q.Sessions, &a.Storage: q.Storage, &a.Memory: q.Memory, &a.Tokens: q.Tokens} {
			if from != nil {
				*into = *from
			}
		}
		for into, from := range map[*float64]*float64{&a.CPU: q.CPU, &a.Cost: q.Cost} {
			if from != nil {
				*into = *from
			}
		}
		if got := a.Text(c.field); got != c.back {
			t.Errorf("%s %q: %q, want %q", c.field, c.text, got, c.back)
		}
	}
	q := Quota{Limits: Amounts{Sessions: 5, Cost: 20}, Used: Amounts{Sessions: 3, Cost: 1.239, Memory: 4 << 30}}
	for field, want := range map[string]string{"sessions": "3 of 5", "cost": "$1.24 of $20", "memory": "4Gi", "tokens": ""} {
		if got := q.Line(field); got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
}
