// The messages of bench/spr_session.cpp without any runtime: a buffered reader and writer on each side, frames cut by
// hand, on the same wire (W3). It says how far from the limit a runtime is.
//
//	go-spr serve | oneway PORT COUNT BYTES | window PORT COUNT OUTSTANDING | rtt PORT COUNT | burst PORT COUNT
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

const bufferBytes = 64 << 10

func wireID(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

var ping, pong, data, total, end = wireID("bench.Ping"), wireID("bench.Pong"), wireID("bench.Data"), wireID("bench.Total"), wireID("bench.End")

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

type peer struct {
	in   *bufio.Reader
	out  *bufio.Writer
	head [21]byte
	last int
}

func newPeer(connection net.Conn) *peer {
	return &peer{in: bufio.NewReaderSize(connection, bufferBytes), out: bufio.NewWriterSize(connection, bufferBytes)}
}

func (p *peer) send(id, number uint64, rest []byte) {
	binary.BigEndian.PutUint32(p.head[:], uint32(1+8+8+len(rest)))
	p.head[4] = 0
	binary.LittleEndian.PutUint64(p.head[5:], id)
	binary.LittleEndian.PutUint64(p.head[13:], number)
	_, err := p.out.Write(p.head[:])
	check(err)
	if len(rest) > 0 {
		_, err = p.out.Write(rest)
		check(err)
	}
}

// next gives the next frame's payload, good until the one after it; what waits goes out before it blocks.
func (p *peer) next() ([]byte, error) {
	p.in.Discard(p.last)
	p.last = 0
	if p.in.Buffered() < 4 {
		p.out.Flush()
	}
	head, err := p.in.Peek(4)
	if err != nil {
		return nil, err
	}
	size := int(binary.BigEndian.Uint32(head))
	if p.in.Buffered() < 4+size {
		p.out.Flush()
	}
	frame, err := p.in.Peek(4 + size)
	if err != nil {
		return nil, err
	}
	p.last = 4 + size
	return frame[4:], nil
}

func number(frame []byte, at int) uint64 { return binary.LittleEndian.Uint64(frame[at:]) }

func serveOne(p *peer) {
	var count, sum uint64
	for {
		frame, err := p.next()
		if err != nil {
			return
		}
		if frame[0] == 1 {
			p.out.Write([]byte{0, 0, 0, 2, 1, 2})
			continue
		}
		switch number(frame, 1) {
		case ping:
			p.send(pong, number(frame, 9), nil)
		case data:
			count++
			sum += number(frame, 9)
		case end:
			p.send(total, count, binary.LittleEndian.AppendUint64(nil, sum))
			count, sum = 0, 0
		}
	}
}

func serve() {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	check(err)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go func() {
		for {
			connection, err := listener.Accept()
			check(err)
			go serveOne(newPeer(connection))
		}
	}()
	io.Copy(io.Discard, os.Stdin)
}

func roundTrips(p *peer, count, outstanding uint64) {
	for sent, pongs := uint64(0), uint64(0); pongs < count; pongs++ {
		for ; sent < count && sent-pongs < outstanding; sent++ {
			p.send(ping, sent, nil)
		}
		frame, err := p.next()
		check(err)
		if number(frame, 1) != pong || number(frame, 9) != pongs {
			check(fmt.Errorf("not Pong %d", pongs))
		}
	}
}

func main() {
	arguments := os.Args[1:]
	if len(arguments) == 1 && arguments[0] == "serve" {
		serve()
		return
	}
	if len(arguments) < 3 {
		check(fmt.Errorf("usage: serve | oneway PORT COUNT BYTES | window PORT COUNT OUTSTANDING | rtt PORT COUNT | burst PORT COUNT"))
	}
	count, err := strconv.ParseUint(arguments[2], 10, 64)
	check(err)
	extra := 1
	if len(arguments) > 3 {
		extra, err = strconv.Atoi(arguments[3])
		check(err)
	}
	connection, err := net.Dial("tcp4", "127.0.0.1:"+arguments[1])
	check(err)
	p := newPeer(connection)
	p.out.Write(append([]byte{0, 0, 0, 16, 1, 1, 1, 9, 0}, "127.0.0.1\xe1\x15"...))
	_, err = p.next()
	check(err)
	begin := time.Now()
	said := strconv.FormatUint(count, 10)
	switch arguments[0] {
	case "oneway":
		filling := []byte(strings.Repeat("x", extra-8))
		for i := uint64(0); i < count; i++ {
			p.send(data, i, filling)
		}
		p.send(end, 0, nil)
		frame, err := p.next()
		check(err)
		said = fmt.Sprintf("%d %d", number(frame, 9), number(frame, 17))
	case "window":
		roundTrips(p, count, uint64(extra))
	case "rtt":
		roundTrips(p, count, 1)
	case "burst":
		writer := newPeer(connection)
		go func() {
			for i := uint64(0); i < count; i++ {
				writer.send(ping, i, nil)
			}
			writer.out.Flush()
		}()
		for i := uint64(0); i < count; i++ {
			frame, err := p.next()
			check(err)
			if number(frame, 9) != i {
				check(fmt.Errorf("not Pong %d", i))
			}
		}
	}
	seconds := time.Since(begin).Seconds()
	value := float64(count) / seconds
	if arguments[0] == "rtt" {
		value = seconds / float64(count)
	}
	peak := int64(0)
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		if _, after, found := strings.Cut(string(status), "VmHWM:"); found {
			fmt.Sscan(after, &peak)
		}
	}
	fmt.Printf("{\"value\": %g, \"check\": \"%s\", \"peak\": %d}\n", value, said, peak*1024)
}
