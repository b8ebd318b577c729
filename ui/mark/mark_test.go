package mark

import (
	"bytes"
	"encoding/binary"
	"image/png"
	"testing"
)

// The states are told apart by what a person sees, in every size that a tray
// shows.
func TestStatesLookDifferent(t *testing.T) {
	for _, size := range []int{16, 22, 48} {
		for a := Idle; a <= Down; a++ {
			for b := a + 1; b <= Down; b++ {
				x, y, different := Image(a, size), Image(b, size), 0
				for i := 0; i < len(x.Pix); i += 4 {
					if !bytes.Equal(x.Pix[i:i+4], y.Pix[i:i+4]) {
						different++
					}
				}
				if different*10 < size*size {
					t.Errorf("at %d pixels, %v and %v differ in %d of them", size, a, b, different)
				}
			}
		}
	}
	if corner := Image(Idle, 32).NRGBAAt(0, 0); corner.A != 0 {
		t.Errorf("the corner is not see-through: %v", corner)
	}
	if middle := Image(Idle, 32).NRGBAAt(16, 24); middle != white {
		t.Errorf("no V: %v", middle)
	}
}

func TestIconFilesAreWhole(t *testing.T) {
	file := ICO(Needs, 16, 32, 256)
	if n := binary.LittleEndian.Uint16(file[4:]); n != 3 {
		t.Fatalf("%d icons", n)
	}
	for i, want := range []int{16, 32, 256} {
		entry := file[6+16*i:]
		size, at := binary.LittleEndian.Uint32(entry[8:]), binary.LittleEndian.Uint32(entry[12:])
		img, err := png.DecodeConfig(bytes.NewReader(file[at : at+size]))
		if err != nil || img.Width != want || entry[0] != uint8(want) {
			t.Errorf("icon %d: %+v, %v", i, img, err)
		}
	}
	file = ICNS()
	if string(file[:4]) != "icns" || int(binary.BigEndian.Uint32(file[4:])) != len(file) {
		t.Errorf("% x", file[:8])
	}
}
