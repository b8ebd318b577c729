package daemon

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestADaemonRestsWhenNobodyAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rested atomic.Int32
		r := newRest(func() { rested.Add(1) })
		h := r.after(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		ask := func() { h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)) }
		settle := func(d time.Duration) { time.Sleep(d); synctest.Wait() }

		for range 10 { // a burst
			ask()
			settle(quiet / 2)
		}
		if n := rested.Load(); n != 0 {
			t.Errorf("it rested %d times in a burst", n)
		}
		settle(quiet)
		if n := rested.Load(); n != 1 {
			t.Errorf("after a burst it rested %d times", n)
		}
		for range 100 { // somebody looks again and again
			settle(2 * quiet)
			ask()
		}
		settle(pauses)
		n := rested.Load()
		if n < 2 || n > 12 {
			t.Errorf("in ten minutes of visits it rested %d times", n)
		}
		settle(time.Hour)
		if more := rested.Load() - n; more != 0 {
			t.Errorf("it rested %d times more while nobody asked", more)
		}
		ask()
		r.end()
		settle(time.Hour)
		if rested.Load() != n {
			t.Error("it rested after its end")
		}
	})
}
