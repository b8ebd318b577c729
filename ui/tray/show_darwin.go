//go:build cgo

package tray

import "volundr/ui/mark"

func supported() error { return nil }

func (o Options) prepare(func()) error { return nil }

func drawn(s mark.State) []byte { return mark.PNG(s, 44) }

func escape(text string) string { return text }
