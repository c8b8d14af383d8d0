package rtc

import (
	"fmt"
	"testing"
	"time"
)

// Two looks may overlap, as the timer fires again while the first goes on: what
// was seen later is what is told at last.
func TestLaterDemandIsTold(t *testing.T) {
	var d demand
	looks := 0
	began, proceed := make(chan struct{}), make(chan struct{})
	told := make(chan struct{}, 10)
	d.init(func(time.Time) ([]Demand, time.Duration) {
		looks++
		seen := []Demand{{Mid: fmt.Sprint(looks)}}
		if looks == 1 {
			close(began)
			<-proceed
		}
		return seen, 0
	}, func() { told <- struct{}{} })
	d.changed()
	<-began
	d.changed() // fires while the first look goes on
	second := make(chan struct{})
	go func() {
		d.update()
		close(second)
	}()
	close(proceed)
	<-second
	<-told
	d.stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	if want := fmt.Sprint(looks); len(d.told) != 1 || d.told[0].Mid != want {
		t.Errorf("%v was seen last, and %v is told", want, d.told)
	}
}

// Who is stopped looks and tells no more.
func TestStoppedDemandIsSilent(t *testing.T) {
	var d demand
	looks, tells := 0, 0
	d.init(func(time.Time) ([]Demand, time.Duration) { looks++; return []Demand{{Mid: "0"}}, 0 }, func() { tells++ })
	d.update()
	d.update()
	if looks != 2 || tells != 1 {
		t.Errorf("%d looks, told %d times what changed once", looks, tells)
	}
	d.stop()
	d.update()
	if looks != 2 || tells != 1 {
		t.Errorf("%d looks, told %d times after the end", looks, tells)
	}
}
