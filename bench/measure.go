package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"umbrella/bench/internal/load"
	"umbrella/bench/internal/proc"
	"umbrella/bench/internal/report"
)

// settle is how long a load runs before it is measured.
const settle = 3 * time.Second

// umbrella measures a daemon that is started for it.
func (o *options) umbrella(ctx context.Context, work load.Work) (row report.Row, err error) {
	state, err := os.MkdirTemp("", "umbrella-bench")
	if err != nil {
		return row, err
	}
	defer os.RemoveAll(state)
	listen, err := freePort()
	if err != nil {
		return row, err
	}
	media, err := freePort()
	if err != nil {
		return row, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", listen)
	daemon := exec.Command(o.daemon)
	daemon.Env = append(os.Environ(), "UMBRELLA_TLS=off", "UMBRELLA_STATE_DIR="+state,
		"UMBRELLA_LISTEN="+address, "UMBRELLA_LOG_LEVEL=warn", fmt.Sprintf("UMBRELLA_MEDIA_PORT=%d", media))
	daemon.Stderr = os.Stderr
	if err := daemon.Start(); err != nil {
		return row, err
	}
	defer func() {
		_ = daemon.Process.Signal(syscall.SIGTERM)
		_ = daemon.Wait()
	}()
	if err := answers(ctx, "http://"+address+"/healthz"); err != nil {
		return row, err
	}
	target := load.Target{
		WHIP: "http://" + address + "/whip/bench?name=p%d", WHEP: "http://" + address + "/whep/bench", Codec: o.codec,
	}
	return o.measure(ctx, "umbrella", target, work, daemon.Process.Pid)
}

// freePort is one that nobody listens on, for UDP and TCP.
func freePort() (int, error) {
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := l.Addr().(*net.TCPAddr).Port
		u, err := net.ListenPacket("udp", fmt.Sprintf(":%d", port))
		_ = l.Close()
		if err == nil {
			return port, u.Close()
		}
	}
	return 0, errors.New("no free port")
}

// answers waits until a daemon that was just started serves.
func answers(ctx context.Context, url string) error {
	for deadline := time.Now().Add(10 * time.Second); ; {
		r, err := http.Get(url)
		if err == nil {
			return r.Body.Close()
		}
		if time.Now().After(deadline) {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// measure puts a work on a server that runs, and takes it off again.
func (o *options) measure(ctx context.Context, name string, target load.Target, work load.Work, pid int) (row report.Row, err error) {
	row = report.Row{Server: name, Work: work.Name()}
	idle, err := proc.Read(pid)
	if err != nil {
		return row, err
	}
	fmt.Fprintf(os.Stderr, "%s, %s: joining …\n", name, work.Name())
	session, err := load.Start(ctx, target, work)
	if err != nil {
		return row, err
	}
	defer session.Close()
	if err := wait(ctx, settle); err != nil {
		return row, err
	}
	var cpu, rate, loss, p50, p99, free []float64
	for i := range o.windows {
		machineWas, err := proc.ReadMachine()
		if err != nil {
			return row, err
		}
		was, err := proc.Read(pid)
		if err != nil {
			return row, err
		}
		end := session.Measure()
		if err := wait(ctx, o.window); err != nil {
			return row, err
		}
		w := end()
		is, err := proc.Read(pid)
		if err != nil {
			return row, err
		}
		machineIs, err := proc.ReadMachine()
		if err != nil {
			return row, err
		}
		if w.Forwarded == 0 {
			return row, errors.New("nothing was forwarded")
		}
		seconds := w.Duration.Seconds()
		cpu = append(cpu, float64((is.CPU-was.CPU).Microseconds())/float64(w.Forwarded))
		rate = append(rate, float64(w.Forwarded)/seconds)
		loss = append(loss, 100*w.Loss)
		p50 = append(p50, float64(w.P50)/float64(time.Millisecond))
		p99 = append(p99, float64(w.P99)/float64(time.Millisecond))
		free = append(free, (machineIs.Idle-machineWas.Idle).Seconds()/seconds)
		row.RSS, row.Peak, row.Silent = float64(is.RSS)/1e6, float64(is.Peak)/1e6, w.Silent
		fmt.Fprintf(os.Stderr, "%s, %s: window %d of %d: %.1f µs a packet, p99 %.1f ms, loss %.2f %%\n",
			name, work.Name(), i+1, o.windows, cpu[i], p99[i], loss[i])
	}
	row.CPU, row.Rate, row.Loss = report.Of(cpu), report.Of(rate), report.Of(loss)
	row.P50, row.P99, row.Idle = report.Of(p50), report.Of(p99), report.Of(free)
	row.PerSubscriber = (row.RSS - float64(idle.RSS)/1e6) / float64(work.Subscribers)
	row.Join = report.Median(session.Joins)
	return row, nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// machine says what this was measured on.
func machine() string {
	var name string
	if f, err := os.Open("/proc/cpuinfo"); err == nil {
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan() && name == ""; {
			if key, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
				name = strings.TrimSpace(value)
			}
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%s, %s, %d cores (%s), Linux %s, %s\n", time.Now().Format(time.DateOnly), runtime.GOARCH,
		runtime.NumCPU(), name, strings.TrimSpace(string(kernel)), runtime.Version())
}
