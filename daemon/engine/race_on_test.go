//go:build race

package engine

// thin: the race detector makes SQLite ten times slower; the long tests then
// take every ninth of their points. Without it they take all.
const thin = 9
