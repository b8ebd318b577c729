package store

import (
	"context"
	"slices"
	"strings"
	"unicode"
)

// Marks around what was found in a snippet. No text that is stored holds them,
// so they can become any markup when the rest was escaped.
const (
	MarkStart = "\ue000"
	MarkEnd   = "\ue001"
)

// Found is one hit of a search.
type Found struct {
	Chronicle Chronicle
	Event     *TimelineEvent // nil: found in the chronicle's own texts
	Snippet   string         // plain text with marks
	Rank      float64        // the smaller the better
}

// Search finds p's chronicles by words (f.Text) in messages, commands, file names
// and their own texts, the best first, at most three hits of one chronicle. All
// words must be there; the last may be the beginning of one. No words are wrong:
// signs are not syntax. The rest of f narrows it as it does Chronicles, but that
// there is no Offset.
func (db *DB) Search(ctx context.Context, p Principal, f ChronicleFilter) ([]Found, error) {
	words, limit := match(f.Text), f.Limit
	if words == "" {
		return []Found{}, nil
	}
	if limit <= 0 {
		limit = 50
	}
	if err := db.index(ctx); err != nil {
		return nil, err
	}
	own, err := db.foundTexts(ctx, p, words, f, limit)
	if err != nil {
		return nil, err
	}
	events, err := db.foundEvents(ctx, p, words, f, limit)
	if err != nil {
		return nil, err
	}
	all := append(own, events...)
	slices.SortStableFunc(all, func(a, b Found) int {
		switch {
		case a.Rank < b.Rank:
			return -1
		case a.Rank > b.Rank:
			return 1
		}
		return b.Chronicle.StartedAt.Compare(a.Chronicle.StartedAt)
	})
	const each = 3
	seen := map[string]int{}
	all = slices.DeleteFunc(all, func(f Found) bool { seen[f.Chronicle.ID]++; return seen[f.Chronicle.ID] > each })
	all = all[:min(len(all), limit)]
	return all, db.snippets(ctx, all, wordsOf(f.Text))
}

// snippets shows what was found. It is done here and not by FTS5, which takes
// seconds where a word stands often.
func (db *DB) snippets(ctx context.Context, found []Found, words []string) error {
	for i, f := range found {
		text := strings.Join(append([]string{f.Chronicle.Summary, f.Chronicle.Unfinished, f.Chronicle.Name, f.Chronicle.Project}, append(f.Chronicle.KeyChanges, f.Chronicle.Tags...)...), "\n")
		if f.Event != nil {
			if err := db.r.QueryRowContext(ctx, `SELECT text FROM timeline WHERE n = ?`, f.Event.N).Scan(&text); err != nil && notFound(err) != ErrNotFound {
				return err
			}
			if len(hitsIn(f.Event.Label, words)) > 0 || text == "" {
				text = f.Event.Label
			}
		}
		found[i].Snippet = snippet(text, words)
	}
	return nil
}

// indexed is how many rows are taken into the search in one transaction.
const indexed = 4000

// index takes what is new in timelines into the search.
func (db *DB) index(ctx context.Context) error {
	for {
		var due bool
		if err := db.r.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM timeline WHERE found = 0)`).Scan(&due); err != nil || !due {
			return err
		}
		if err := db.write(ctx, func(t *tx) error {
			var last int64
			if err := t.QueryRowContext(ctx, `SELECT coalesce(max(n), 0) FROM (SELECT n FROM timeline WHERE found = 0 ORDER BY n LIMIT ?)`,
				indexed).Scan(&last); err != nil {
				return err
			}
			if _, err := t.ExecContext(ctx, `INSERT INTO timeline_words (rowid, label, text)
				SELECT n, label, text FROM timeline WHERE found = 0 AND n <= ?`, last); err != nil {
				return err
			}
			_, err := t.ExecContext(ctx, `UPDATE timeline SET found = 1 WHERE found = 0 AND n <= ?`, last)
			return err
		}); err != nil {
			return err
		}
	}
}

// recent is how many of p's newest hits are ranked: a word that stands
// everywhere would otherwise take long to say nothing.
const recent = 400

func (db *DB) foundTexts(ctx context.Context, p Principal, words string, f ChronicleFilter, limit int) ([]Found, error) {
	// Texts say in a sentence what a timeline says in pages: they count more.
	return db.found(ctx, `SELECT `+chronicleColumns+`, 0, '', 0, '', '', '', 3 * score FROM (
			SELECT w.rowid AS hit, bm25(chronicle_words, 4, 4, 2, 2, 2, 2) AS score
			FROM chronicle_words(?) w WHERE EXISTS (SELECT 1 FROM chronicles WHERE n = w.rowid AND`+narrowedOwn+`) ORDER BY w.rowid DESC LIMIT ?)
		JOIN chronicles ON n = hit ORDER BY score LIMIT ?`,
		append(p.shown(append([]any{words}, f.args()...)...), recent, limit)...)
}

func (db *DB) foundEvents(ctx context.Context, p Principal, words string, f ChronicleFilter, limit int) ([]Found, error) {
	return db.found(ctx, `WITH hits AS MATERIALIZED (
			SELECT w.rowid AS hit, bm25(timeline_words, 2, 1) AS score FROM timeline_words(?) w WHERE EXISTS (SELECT 1 FROM chronicles
				WHERE id = (SELECT chronicle_id FROM timeline WHERE n = w.rowid) AND`+narrowedOwn+`) ORDER BY w.rowid DESC LIMIT ?),
		best AS MATERIALIZED (SELECT hit, score FROM hits ORDER BY score LIMIT ?)
		SELECT `+qualified("c.", chronicleColumns)+`, t.n, t.key, t.at, t.type, t.label, t.data, score
		FROM best JOIN timeline t ON t.n = hit JOIN chronicles c ON c.id = t.chronicle_id ORDER BY score`,
		append(p.shown(append([]any{words}, f.args()...)...), recent, 3*limit)...)
}

// narrowedOwn are the chronicles of a principal's that a filter lets through.
var narrowedOwn = narrowed + ` AND` + shownOfSession

func (db *DB) found(ctx context.Context, query string, args ...any) ([]Found, error) {
	rows, err := db.r.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Found
	for rows.Next() {
		var f Found
		var e TimelineEvent
		var at int64
		var data string
		c, err := scanChronicle(with{rows, []any{&e.N, &e.Key, &at, &e.Type, &e.Label, &data, &f.Rank}})
		if err != nil {
			return nil, err
		}
		if f.Chronicle = c; e.N > 0 {
			e.ChronicleID, e.At, e.Data = c.ID, moment(at), []byte(data)
			f.Event = &e
		}
		out = append(out, f)
	}
	return out, rows.Err()
}

// with scans more columns behind those that somebody asks for.
type with struct {
	row  scanner
	more []any
}

func (w with) Scan(dest ...any) error { return w.row.Scan(append(dest, w.more...)...) }

func qualified(prefix, columns string) string {
	var out []string
	for _, c := range strings.Split(columns, ",") {
		switch c = strings.TrimSpace(c); {
		case c == "coalesce(parent_id":
			out = append(out, "coalesce("+prefix+"parent_id")
		case c == "'')":
			out = append(out, c)
		default:
			out = append(out, prefix+c)
		}
	}
	return strings.Join(out, ", ")
}

// match makes an FTS5 query of what a person typed: every word quoted, the last
// as a beginning. Empty when there is no word in it.
func match(text string) string {
	const most = 16 // words
	var words []string
	for _, w := range strings.Fields(strings.ToValidUTF8(text, " ")) {
		w = strings.Map(func(r rune) rune {
			if r == '"' || unicode.IsControl(r) {
				return ' '
			}
			return r
		}, w)
		if strings.IndexFunc(w, isWord) >= 0 {
			words = append(words, w)
		}
	}
	if len(words) == 0 {
		return ""
	}
	words = words[:min(len(words), most)]
	return `"` + strings.Join(words, `" "`) + `"*`
}
