package store

import "context"

// Facets are what p's chronicles can be filtered by.
type Facets struct{ Projects, Repos, Models []string }

// ChronicleFacets gives the projects, repositories and models of p's chronicles, sorted.
func (db *DB) ChronicleFacets(ctx context.Context, p Principal) (f Facets, err error) {
	for column, into := range map[string]*[]string{"project": &f.Projects, "repo": &f.Repos, "model": &f.Models} {
		rows, err := db.r.QueryContext(ctx, `SELECT DISTINCT `+column+` FROM chronicles WHERE `+column+` <> '' AND`+mine+` ORDER BY 1 LIMIT 200`, p.args()...)
		if err != nil {
			return f, err
		}
		for rows.Next() {
			var v string
			if err := rows.Scan(&v); err != nil {
				rows.Close()
				return f, err
			}
			*into = append(*into, v)
		}
		if err := rows.Close(); err != nil {
			return f, err
		}
	}
	return f, nil
}
