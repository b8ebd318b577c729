// Package mark draws Volundr's mark: a V on a rounded square, in any size, with
// a badge that tells what goes on.
package mark

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"

	"golang.org/x/image/vector"
)

// State is what the mark tells.
type State int

// States.
const (
	Idle    State = iota // nothing under way
	Working              // an agent works: a green disc
	Needs                // somebody waits for a person: an amber disc with a bar and a dot
	Down                 // no daemon: grey, struck through
)

var (
	blue  = color.NRGBA{0x24, 0x56, 0xc7, 0xff}
	grey  = color.NRGBA{0x80, 0x86, 0x90, 0xff}
	white = color.NRGBA{0xff, 0xff, 0xff, 0xff}
	green = color.NRGBA{0x2e, 0xb8, 0x5c, 0xff}
	amber = color.NRGBA{0xff, 0xb0, 0x20, 0xff}
	dark  = color.NRGBA{0x20, 0x18, 0x00, 0xff}
)

// Image draws the mark of size × size pixels.
func Image(state State, size int) *image.NRGBA {
	p := pen{img: image.NewNRGBA(image.Rect(0, 0, size, size)), scale: float64(size) / 32}
	ground := blue
	if state == Down {
		ground = grey
	}
	p.square(0, 0, 32, 7, ground)
	p.line(8, 8, 16, 24, 4, white)
	p.line(16, 24, 24, 8, 4, white)
	switch state {
	case Working:
		p.disc(24.5, 24.5, 8.5, white)
		p.disc(24.5, 24.5, 6.5, green)
	case Needs:
		p.disc(22.5, 22.5, 10.5, white)
		p.disc(22.5, 22.5, 9, amber)
		p.line(22.5, 17.5, 22.5, 23, 3, dark)
		p.disc(22.5, 27, 1.8, dark)
	case Down:
		p.line(4, 28, 28, 4, 3, color.NRGBA{0xd0, 0x30, 0x30, 0xff})
	}
	return p.img
}

// PNG is Image as a file.
func PNG(state State, size int) []byte {
	var out bytes.Buffer
	if err := png.Encode(&out, Image(state, size)); err != nil {
		panic(err) // a buffer takes everything
	}
	return out.Bytes()
}

// ICO is a Windows icon of the sizes (at most 256 each), with PNGs inside.
func ICO(state State, sizes ...int) []byte {
	var head, body bytes.Buffer
	put := func(fields ...any) {
		for _, f := range fields {
			_ = binary.Write(&head, binary.LittleEndian, f) // a buffer takes everything
		}
	}
	put(uint16(0), uint16(1), uint16(len(sizes)))
	for _, size := range sizes {
		file := PNG(state, size)
		put(uint8(size), uint8(size), uint8(0), uint8(0), uint16(1), uint16(32), uint32(len(file)), uint32(6+16*len(sizes)+body.Len()))
		body.Write(file)
	}
	return append(head.Bytes(), body.Bytes()...)
}

// ICNS is a macOS icon.
func ICNS() []byte {
	var body bytes.Buffer
	for _, part := range []struct {
		kind string
		size int
	}{{"ic07", 128}, {"ic08", 256}, {"ic09", 512}} {
		file := PNG(Idle, part.size)
		body.WriteString(part.kind)
		_ = binary.Write(&body, binary.BigEndian, uint32(len(file)+8))
		body.Write(file)
	}
	return append(binary.BigEndian.AppendUint32([]byte("icns"), uint32(body.Len()+8)), body.Bytes()...)
}

// SVG is the mark without a badge.
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#2456c7"/><path d="M8 8l8 16 8-16" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/></svg>
`

// pen draws in units of a 32nd of the image.
type pen struct {
	img   *image.NRGBA
	scale float64
}

func (p pen) fill(c color.Color, path func(r *vector.Rasterizer)) {
	r := vector.NewRasterizer(p.img.Bounds().Dx(), p.img.Bounds().Dy())
	path(r)
	r.DrawOp = draw.Over
	r.Draw(p.img, p.img.Bounds(), image.NewUniform(c), image.Point{})
}

func (p pen) at(x, y float64) (float32, float32) { return float32(x * p.scale), float32(y * p.scale) }

// polygon goes round its corners.
func (p pen) polygon(c color.Color, corners [][2]float64) {
	p.fill(c, func(r *vector.Rasterizer) {
		r.MoveTo(p.at(corners[0][0], corners[0][1]))
		for _, k := range corners[1:] {
			r.LineTo(p.at(k[0], k[1]))
		}
		r.ClosePath()
	})
}

// arc gives the points of a piece of a circle.
func arc(x, y, radius, from, to float64) (points [][2]float64) {
	const steps = 24
	for i := range steps + 1 {
		sin, cos := math.Sincos(from + (to-from)*float64(i)/steps)
		points = append(points, [2]float64{x + radius*cos, y + radius*sin})
	}
	return points
}

func (p pen) disc(x, y, radius float64, c color.Color) {
	p.polygon(c, arc(x, y, radius, 0, 2*math.Pi))
}

// line has round ends.
func (p pen) line(x1, y1, x2, y2, width float64, c color.Color) {
	along := math.Atan2(y2-y1, x2-x1)
	p.polygon(c, append(arc(x2, y2, width/2, along-math.Pi/2, along+math.Pi/2), arc(x1, y1, width/2, along+math.Pi/2, along+3*math.Pi/2)...))
}

// square has round corners.
func (p pen) square(x, y, side, radius float64, c color.Color) {
	var corners [][2]float64
	for i, k := range [][2]float64{{x + side - radius, y + side - radius}, {x + radius, y + side - radius}, {x + radius, y + radius}, {x + side - radius, y + radius}} {
		corners = append(corners, arc(k[0], k[1], radius, float64(i)*math.Pi/2, float64(i+1)*math.Pi/2)...)
	}
	p.polygon(c, corners)
}
