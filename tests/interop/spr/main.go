// A peer of the session wire of the Simple Protocol Runtime, W0 and W3, that shares no code with ours: what it says and
// expects is written from the wire's description alone.
//
//	spr listen                   serves both generations, answers Pings with Pongs; prints its address; ends with stdin
//	spr reject                   the same, but answers W0 with Reject
//	spr silent                   accepts, and never says a word; prints its address, then a line for each connection
//	spr dial ADDRESS WIRE COUNT  sends COUNT Pings at once and checks that COUNT Pongs come back in order
//	spr cross ADDRESS WIRE COUNT listens (prints its address), dials when told to on stdin, and behaves as the originals:
//	                             two connections, the newer one is written to, both are read, either's end is the session's
//	spr garbage ADDRESS          hostile bytes, each on a connection of its own, and what they must bring about
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	layerApplication = 0
	layerSession     = 1
	hello            = 1
	ack              = 2
	reject           = 3
	protocolID       = 1
	pingID           = 1
	pongID           = 2
	patience         = 60 * time.Second
)

func wireID(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

var (
	pingWire = wireID("*protocol.PingMessage")
	pongWire = wireID("*protocol.PongMessage")
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func frame(layer byte, body ...[]byte) []byte {
	all := []byte{0, 0, 0, 0, layer}
	for _, part := range body {
		all = append(all, part...)
	}
	binary.BigEndian.PutUint32(all, uint32(len(all)-4))
	return all
}

func helloOf(wire string, self *net.TCPAddr) []byte {
	ip := self.IP.String()
	port := binary.LittleEndian.AppendUint16(nil, uint16(self.Port))
	if wire == "w0" {
		return frame(layerSession, []byte{hello}, []byte(fmt.Sprintf("%-15s", ip)), port)
	}
	size := binary.LittleEndian.AppendUint16(nil, uint16(len(ip)))
	return frame(layerSession, []byte{hello, 1}, size, []byte(ip), port)
}

func message(wire string, pong bool, sequence uint64) []byte {
	payload := binary.LittleEndian.AppendUint64(nil, sequence)
	if wire == "w0" {
		id := uint16(pingID)
		if pong {
			id = pongID
		}
		header := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, protocolID), id)
		return frame(layerApplication, header, payload)
	}
	id := pingWire
	if pong {
		id = pongWire
	}
	return frame(layerApplication, binary.LittleEndian.AppendUint64(nil, id), payload)
}

// readFrame gives layer and body of the next frame.
func readFrame(from *bufio.Reader) (byte, []byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size == 0 || size > 16<<20 {
		return 0, nil, fmt.Errorf("a frame of %d bytes", size)
	}
	payload := make([]byte, size)
	if _, err := io.ReadFull(from, payload); err != nil {
		return 0, nil, err
	}
	return payload[0], payload[1:], nil
}

// parse says whether it is a Pong, and its sequence number.
func parse(wire string, body []byte) (pong bool, sequence uint64, err error) {
	if wire == "w0" {
		if len(body) != 12 || binary.LittleEndian.Uint16(body) != protocolID {
			return false, 0, fmt.Errorf("a strange message % x", body)
		}
		id := binary.LittleEndian.Uint16(body[2:])
		if id != pingID && id != pongID {
			return false, 0, fmt.Errorf("message id %d", id)
		}
		return id == pongID, binary.LittleEndian.Uint64(body[4:]), nil
	}
	if len(body) != 16 {
		return false, 0, fmt.Errorf("a strange message % x", body)
	}
	id := binary.LittleEndian.Uint64(body)
	if id != pingWire && id != pongWire {
		return false, 0, fmt.Errorf("wire id %x", id)
	}
	return id == pongWire, binary.LittleEndian.Uint64(body[8:]), nil
}

// readHello gives the generation and the host that it names.
func readHello(body []byte) (string, string, error) {
	if len(body) < 2 || body[0] != hello {
		return "", "", fmt.Errorf("no Hello: % x", body)
	}
	data := body[1:]
	if data[0] == 1 {
		if len(data) < 5 {
			return "", "", errors.New("a short Hello")
		}
		size := int(binary.LittleEndian.Uint16(data[1:]))
		if len(data) != 3+size+2 {
			return "", "", fmt.Errorf("a Hello of the wrong length: % x", data)
		}
		return "w3", fmt.Sprintf("%s:%d", data[3:3+size], binary.LittleEndian.Uint16(data[3+size:])), nil
	}
	if len(data) != 17 {
		return "", "", fmt.Errorf("a host of %d bytes", len(data))
	}
	return "w0", fmt.Sprintf("%s:%d", bytes.TrimRight(data[:15], " "), binary.LittleEndian.Uint16(data[15:])), nil
}

func readAck(from *bufio.Reader) error {
	layer, body, err := readFrame(from)
	if err != nil {
		return err
	}
	if layer != layerSession || !bytes.Equal(body, []byte{ack}) {
		return fmt.Errorf("no Ack but layer %d, % x", layer, body)
	}
	return nil
}

// echo answers Pings until the connection ends. Answers go out when nothing more is there to read.
func echo(connection net.Conn, from *bufio.Reader, wire string, pongs func(uint64)) error {
	to := bufio.NewWriterSize(connection, 64<<10)
	for {
		if from.Buffered() == 0 {
			if err := to.Flush(); err != nil {
				return err
			}
		}
		layer, body, err := readFrame(from)
		if err != nil {
			return err
		}
		if layer > layerSession {
			continue // the originals drop what is of a layer that they do not know
		}
		if layer != layerApplication {
			return fmt.Errorf("layer %d in a session", layer)
		}
		pong, sequence, err := parse(wire, body)
		if err != nil {
			return err
		}
		if pong {
			pongs(sequence)
			continue
		}
		if _, err := to.Write(message(wire, true, sequence)); err != nil {
			return err
		}
	}
}

// accept answers a Hello; gives the generation.
func accept(connection net.Conn, from *bufio.Reader, rejectW0 bool, beforeAck func()) (string, error) {
	layer, body, err := readFrame(from)
	if err != nil {
		return "", err
	}
	if layer != layerSession {
		return "", fmt.Errorf("layer %d before the Hello", layer)
	}
	wire, host, err := readHello(body)
	if err != nil {
		return "", err
	}
	if _, _, err := net.SplitHostPort(host); err != nil {
		return "", err
	}
	if wire == "w0" && rejectW0 {
		connection.Write(frame(layerSession, []byte{reject, 1}))
		return "", errors.New("rejected")
	}
	beforeAck()
	_, err = connection.Write(frame(layerSession, []byte{ack}))
	return wire, err
}

func listen() *net.TCPListener {
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	check(err)
	fmt.Println(listener.Addr())
	return listener
}

func untilStdinEnds() { io.Copy(io.Discard, os.Stdin) }

func serve(rejectW0, silent bool) {
	listener := listen()
	go func() {
		for {
			connection, err := listener.Accept()
			check(err)
			if silent {
				fmt.Println("connection")
				continue
			}
			go func() {
				defer connection.Close()
				from := bufio.NewReaderSize(connection, 64<<10)
				wire, err := accept(connection, from, rejectW0, func() {})
				if err == nil {
					err = echo(connection, from, wire, func(uint64) {})
				}
				if err != nil && !errors.Is(err, io.EOF) && err.Error() != "rejected" {
					fmt.Fprintln(os.Stderr, "connection:", err)
				}
			}()
		}
	}()
	untilStdinEnds()
}

func connect(address, wire string, self *net.TCPAddr) (net.Conn, *bufio.Reader) {
	connection, err := net.DialTimeout("tcp", address, patience)
	check(err)
	if self == nil {
		self = connection.LocalAddr().(*net.TCPAddr)
	}
	_, err = connection.Write(helloOf(wire, self))
	check(err)
	return connection, bufio.NewReaderSize(connection, 64<<10)
}

func burst(to io.Writer, wire string, count uint64) error {
	writer := bufio.NewWriterSize(to, 64<<10)
	for i := uint64(0); i < count; i++ {
		if _, err := writer.Write(message(wire, false, i)); err != nil {
			return err
		}
	}
	return writer.Flush()
}

func dial(address, wire string, count uint64) {
	connection, from := connect(address, wire, nil)
	check(readAck(from))
	failed := make(chan error, 1)
	go func() {
		if err := burst(connection, wire, count); err != nil {
			failed <- err
		}
	}()
	begin := time.Now()
	for i := uint64(0); i < count; i++ {
		connection.SetReadDeadline(time.Now().Add(patience))
		layer, body, err := readFrame(from)
		if err != nil {
			check(fmt.Errorf("after %d of %d Pongs: %w", i, count, err))
		}
		pong, sequence, err := parse(wire, body)
		check(err)
		if layer != layerApplication || !pong || sequence != i {
			check(fmt.Errorf("Pong %d is layer %d, pong %v, sequence %d", i, layer, pong, sequence))
		}
	}
	select {
	case err := <-failed:
		check(err)
	default:
	}
	fmt.Printf("%d pongs in %.3f s\n", count, time.Since(begin).Seconds())
	connection.Close()
}

func cross(address, wire string, count uint64) {
	listener := listen()
	self := listener.Addr().(*net.TCPAddr)
	var pongs, ended atomic.Uint64
	done := make(chan struct{}, 2)
	onPong := func(uint64) {
		if pongs.Add(1) == count {
			done <- struct{}{}
		}
	}
	run := func(connection net.Conn, from *bufio.Reader, generation string) {
		if err := echo(connection, from, generation, onPong); err != nil {
			ended.Add(1)
		}
	}
	// The dials cross for certain: ours begins when theirs has said Hello, and is answered before theirs is. (A dial
	// that has not said Hello when the other side's comes in is taken back, and there is one connection.)
	greeted, acked := make(chan struct{}), make(chan struct{})
	accepted := make(chan net.Conn, 1)
	generations := make(chan string, 1)
	go func() {
		connection, err := listener.Accept()
		check(err)
		from := bufio.NewReaderSize(connection, 64<<10)
		generation, err := accept(connection, from, false, func() {
			close(greeted)
			<-acked
		})
		check(err)
		accepted <- connection
		generations <- generation
		run(connection, from, generation)
	}()
	bufio.NewReader(os.Stdin).ReadString('\n')
	select {
	case <-greeted:
	case <-time.After(patience):
		check(errors.New("they did not dial"))
	}
	connection, from := connect(address, wire, self)
	var newest net.Conn = connection
	generation := wire
	check(readAck(from))
	close(acked)
	go run(connection, from, wire)
	select {
	case newest = <-accepted:
		generation = <-generations
	case <-time.After(patience):
		check(errors.New("they did not dial"))
	}
	check(burst(newest, generation, count))
	select {
	case <-done:
	case <-time.After(patience):
		check(fmt.Errorf("%d of %d Pongs", pongs.Load(), count))
	}
	time.Sleep(300 * time.Millisecond) // an end that would come, comes
	if ended.Load() != 0 {
		check(fmt.Errorf("%d of 2 connections ended", ended.Load()))
	}
	fmt.Printf("%d pongs, 2 connections\n", pongs.Load())
	newest.Close() // ends the session
	untilStdinEnds()
}

type attack struct {
	name   string
	bytes  []byte
	answer []byte // exactly what comes back
	closes bool   // and whether the other side ends the connection
}

func garbage(address string) {
	self := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4}
	w0, w3 := helloOf("w0", self), helloOf("w3", self)
	acked := frame(layerSession, []byte{ack})
	bad := bytes.Replace(w0, []byte("127.0.0.1"), []byte("999.0.0.1"), 1)
	future := append([]byte(nil), w3...)
	future[6] = 9
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	random := make([]byte, 4096)
	for i := range random {
		random[i] = byte(i*131 + i/7)
	}
	attacks := []attack{
		{"a message before the Hello", message("w0", false, 0), nil, true},
		{"an empty frame before the Hello", []byte{0, 0, 0, 0}, nil, true},
		{"a Hello without a host", frame(layerSession, []byte{hello}), nil, true},
		{"a Hello with a bad host", bad, nil, true},
		{"a Hello that is cut", w3[:9], nil, true},
		{"a Hello of another version", future, frame(layerSession, []byte{reject, 1}), true},
		{"noise", random, nil, true},
		{"HTTP", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), nil, true},
		{"a frame of 16 MiB and 1", join(w0, []byte{1, 0, 0, 1, 0}), acked, true},
		{"an unknown layer", join(w0, frame(7, []byte{1, 2}), message("w0", false, 5)), join(acked, message("w0", true, 5)), false},
		{"an unknown handshake", join(w3, frame(layerSession, []byte{9}), message("w3", false, 6)), join(acked, message("w3", true, 6)), false},
		{"a second Hello", join(w0, w0, message("w0", false, 7)), join(acked, message("w0", true, 7)), false},
		{"an empty frame", join(w0, []byte{0, 0, 0, 0}, message("w0", false, 8)), join(acked, message("w0", true, 8)), false},
		{"a cut header", join(w3, frame(0, []byte{1, 2, 3}), message("w3", false, 9)), join(acked, message("w3", true, 9)), false},
		{"an unknown protocol", join(w0, frame(0, []byte{9, 9, 1, 0}), message("w0", false, 10)), join(acked, message("w0", true, 10)), false},
		{"an unknown message", join(w0, frame(0, []byte{1, 0, 9, 9}), message("w0", false, 11)), join(acked, message("w0", true, 11)), false},
		{"an unknown wire id", join(w3, frame(0, make([]byte, 8)), message("w3", false, 12)), join(acked, message("w3", true, 12)), false},
	}
	for _, a := range attacks {
		connection, err := net.DialTimeout("tcp", address, patience)
		check(err)
		connection.Write(a.bytes)
		var came []byte
		closed := false
		piece := make([]byte, 4096)
		wait := time.Second
		if a.closes {
			wait = 10 * time.Second // a cut Hello is waited for
		}
		connection.SetReadDeadline(time.Now().Add(wait))
		for !closed && (a.closes || len(came) < len(a.answer)) {
			n, err := connection.Read(piece)
			came = append(came, piece[:n]...)
			if err != nil {
				var timeout net.Error
				if errors.As(err, &timeout) && timeout.Timeout() {
					break
				}
				closed = true
			}
		}
		if !bytes.Equal(came, a.answer) || closed != a.closes {
			check(fmt.Errorf("%s: answer % x, closed %v", a.name, came, closed))
		}
		connection.Close()
	}
	fmt.Printf("%d attacks\n", len(attacks))
}

func main() {
	arguments := os.Args[1:]
	count := func(at int) uint64 {
		n, err := strconv.ParseUint(arguments[at], 10, 64)
		check(err)
		return n
	}
	switch {
	case len(arguments) == 1 && arguments[0] == "listen":
		serve(false, false)
	case len(arguments) == 1 && arguments[0] == "reject":
		serve(true, false)
	case len(arguments) == 1 && arguments[0] == "silent":
		serve(false, true)
	case len(arguments) == 4 && arguments[0] == "dial":
		dial(arguments[1], arguments[2], count(3))
	case len(arguments) == 4 && arguments[0] == "cross":
		cross(arguments[1], arguments[2], count(3))
	case len(arguments) == 2 && arguments[0] == "garbage":
		garbage(arguments[1])
	default:
		check(errors.New("usage: spr listen | reject | silent | dial ADDRESS WIRE COUNT | cross ADDRESS WIRE COUNT | garbage ADDRESS"))
	}
}
