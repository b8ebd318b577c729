package client

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// QuotaFields are what a quota bounds, in the order that people read.
var QuotaFields = []string{"sessions", "cpu", "memory", "storage", "tokens", "cost"}

var (
	amount = regexp.MustCompile(`^\$?(\d{1,15}(?:\.\d{1,6})?) ?(k|K|M|G|Ki|Mi|Gi|Ti|KiB|MiB|GiB|TiB)?$`)
	scale  = map[string]float64{"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}
)

// Set takes one field of QuotaFields from text, as in 5, 1.5, 50Gi or 2M; "none"
// takes the limit away. The error is a sentence.
func (q *QuotaChange) Set(field, text string) error {
	value := 0.0
	if text = strings.TrimSpace(text); text != "none" {
		m := amount.FindStringSubmatch(text)
		if m == nil {
			return fmt.Errorf("%s: %q is no amount: write a number, as in 5, 1.5, 50Gi or 2M, or none", field, text)
		}
		value, _ = strconv.ParseFloat(m[1], 64) // as the pattern has it
		value *= scale[strings.TrimSuffix(m[2], "B")]
		if value > 1<<53 {
			return fmt.Errorf("%s: %s is too much to be counted", field, text)
		}
		if value == 0 {
			return fmt.Errorf("%s: nothing at all cannot be a limit: write none for no limit", field)
		}
	}
	n := int64(math.Ceil(value))
	switch field {
	case "sessions":
		q.Sessions = &n
	case "storage":
		q.Storage = &n
	case "memory":
		q.Memory = &n
	case "tokens":
		q.Tokens = &n
	case "cpu":
		q.CPU = &value
	case "cost":
		q.Cost = &value
	default:
		return fmt.Errorf("there is no quota of %s: there are %s", field, strings.Join(QuotaFields, ", "))
	}
	return nil
}

// Text is one field of QuotaFields as Set takes it; empty for 0.
func (a Amounts) Text(field string) string {
	switch field {
	case "sessions":
		return number(float64(a.Sessions))
	case "storage":
		return binary(a.Storage)
	case "memory":
		return binary(a.Memory)
	case "tokens":
		return decimal(a.Tokens)
	case "cpu":
		return number(a.CPU)
	case "cost":
		return number(a.Cost)
	}
	return ""
}

// Line is one field for people: "3 of 5", "3", or empty where there is nothing to
// say.
func (q Quota) Line(field string) string {
	is, limit := q.Used.Text(field), q.Limits.Text(field)
	switch {
	case field == "cost" && is != "":
		is = fmt.Sprintf("$%.2f", q.Used.Cost)
	case is == "" && limit != "":
		is = "0"
	}
	if field == "cost" && limit != "" {
		limit = "$" + limit
	}
	if limit == "" {
		return is
	}
	return is + " of " + limit
}

func number(v float64) string {
	if v == 0 {
		return ""
	}
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}

// binary is the largest unit in which a number of bytes has at most two digits
// behind the point.
func binary(n int64) string {
	for _, u := range []string{"Ti", "Gi", "Mi", "Ki"} {
		if v := float64(n) / scale[u]; v >= 1 {
			return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) + u
		}
	}
	return number(float64(n))
}

func decimal(n int64) string {
	for _, u := range []string{"M", "k"} {
		if v := float64(n) / scale[u]; v >= 1 {
			return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) + u
		}
	}
	return number(float64(n))
}
