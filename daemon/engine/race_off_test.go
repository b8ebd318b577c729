//go:build !race

package engine

const thin = 1
