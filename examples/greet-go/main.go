// Greets, in Go: a reactor, whose exported functions are the methods.
//
// Go's runtime with its goroutines, its garbage collector and its timers runs inside the process; to the node it is a
// guest like any other.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"time"
)

// The message is a name.
//
//go:wasmexport greet
func greet() {
	name, err := io.ReadAll(os.Stdin)
	if err != nil {
		return // the caller has left
	}
	who := strings.TrimSpace(string(name))
	if who == "" {
		who = "world"
	}
	fmt.Printf("hello, %s\n", who)
}

// Sorts the lines of the message; a goroutine reads them.
//
//go:wasmexport sort
func sortLines() {
	lines := make(chan string)
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(os.Stdin)
		for scanner.Scan() {
			lines <- scanner.Text()
		}
	}()
	var all []string
	for line := range lines {
		all = append(all, line)
	}
	sort.Strings(all)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for _, line := range all {
		fmt.Fprintln(out, line)
	}
}

// Answers a moment later: the process sleeps, the node's thread does not.
//
//go:wasmexport later
func later() {
	start := time.Now()
	time.Sleep(50 * time.Millisecond)
	fmt.Printf("slept %v\n", time.Since(start) >= 50*time.Millisecond)
}

// A reactor's main is never called, but Go wants one.
func main() {}
