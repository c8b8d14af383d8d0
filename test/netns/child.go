package netns

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
)

// Role is the environment variable that says what a child of the test is to do.
const Role = "UMBRELLA_TEST_ROLE"

// maxLine bounds an order and its answer, in bytes.
const maxLine = 4 << 20

// Child is a process of the test's own program in a namespace, since a process of
// Go can be in one only. It answers orders, each one line of JSON.
type Child struct {
	t   testing.TB
	in  io.WriteCloser
	out *bufio.Scanner
	mu  sync.Mutex
}

// Main is what TestMain is to be. In a child it runs what its role is, and in the
// test itself the tests.
func Main(m *testing.M, live func(role string) error) {
	if role := os.Getenv(Role); role != "" {
		if err := live(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	dir, err := os.MkdirTemp("", "umbrellad")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	scratch = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// Child starts the test's own program in the namespace, in a role. With before,
// another program starts it, such as nice.
func (s *Space) Child(role string, before ...string) *Child {
	s.t.Helper()
	args := append(before, os.Args[0])
	cmd := s.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), Role+"="+role)
	cmd.Stderr = os.Stderr
	return StartChild(s.t, cmd)
}

// StartChild starts a program that answers orders. It ends when the test ends.
func StartChild(t testing.TB, cmd *exec.Cmd) *Child {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c := &Child{t: t}
	if c.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewScanner(out)
	c.out.Buffer(nil, maxLine)
	t.Cleanup(func() { _ = c.in.Close(); _ = cmd.Wait() })
	return c
}

// Ask gives the child an order and waits for its answer.
func (c *Child) Ask(order, answer any) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	b, err := json.Marshal(order)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.in.Write(append(b, '\n')); err != nil || !c.out.Scan() {
		c.t.Fatalf("a child of the test is gone: %v, %v", err, c.out.Err())
	}
	if err := json.Unmarshal(c.out.Bytes(), answer); err != nil {
		c.t.Fatal(err)
	}
}

// Serve answers the orders that come to this child, until there are no more.
func Serve[Order, Answer any](do func(Order) (Answer, error)) error {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, maxLine)
	for in.Scan() {
		var order Order
		if err := json.Unmarshal(in.Bytes(), &order); err != nil {
			return err
		}
		answer, err := do(order)
		if err != nil {
			return err
		}
		b, err := json.Marshal(answer)
		if err != nil {
			return err
		}
		fmt.Printf("%s\n", b)
	}
	return in.Err()
}
