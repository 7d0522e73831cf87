// The go-libp2p side of the claims about bytes on a stream: the same contract as bench/stream.cpp.
//
//	stream listen | oneway ADDRESS BYTES | echo ADDRESS BYTES | requests ADDRESS COUNT
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
)

const (
	sinkProtocol = "/bench/sink/1"
	echoProtocol = "/bench/echo/1"
	patternBytes = 1 << 20
	pieceBytes   = 256 * 1024
	requestBytes = 1024
	atOnce       = 64
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 1 && arguments[0] == "listen":
		return listen()
	case len(arguments) == 3 && work[arguments[0]] != nil:
		total, err := strconv.ParseInt(arguments[2], 10, 64)
		if err != nil {
			return err
		}
		return dial(work[arguments[0]], arguments[1], total)
	}
	return errors.New("usage: stream listen | oneway ADDRESS BYTES | echo ADDRESS BYTES | requests ADDRESS COUNT")
}

// A host with TCP, Noise and yamux alone, and no limits of its own.
func newHost(listen ...string) (host.Host, error) {
	options := []libp2p.Option{
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Security(noise.ID, noise.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.ResourceManager(&network.NullResourceManager{}),
		libp2p.DisableRelay(),
	}
	if len(listen) == 0 {
		options = append(options, libp2p.NoListenAddrs)
	} else {
		options = append(options, libp2p.ListenAddrStrings(listen...))
	}
	return libp2p.New(options...)
}

// Twice the pattern in a row, so that a piece never wraps.
func pattern() []byte {
	made := make([]byte, patternBytes)
	x := uint32(1)
	for i := range made {
		x = x*1664525 + 1013904223
		made[i] = byte(x >> 24)
	}
	return append(made, made...)
}

func listen() error {
	h, err := newHost("/ip4/127.0.0.1/tcp/0")
	if err != nil {
		return err
	}
	defer h.Close()
	h.SetStreamHandler(sinkProtocol, func(s network.Stream) {
		buffer := make([]byte, pieceBytes)
		count := int64(0)
		for {
			n, err := s.Read(buffer)
			at := count % patternBytes
			if !bytes.Equal(buffer[:n], wanted[at:at+int64(n)]) {
				s.Reset()
				return
			}
			count += int64(n)
			if err == io.EOF {
				break
			}
			if err != nil {
				s.Reset()
				return
			}
		}
		fmt.Fprint(s, count)
		s.Close()
	})
	h.SetStreamHandler(echoProtocol, func(s network.Stream) {
		if _, err := io.CopyBuffer(struct{ io.Writer }{s}, struct{ io.Reader }{s}, make([]byte, pieceBytes)); err != nil {
			s.Reset()
			return
		}
		s.Close()
	})
	fmt.Printf("%s/p2p/%s\n", h.Addrs()[0], h.ID())
	_, err = io.Copy(io.Discard, os.Stdin) // whoever started this ends it by closing its stdin
	return err
}

// What each command does over one connection: how much of it came about.
var work = map[string]func(ctx context.Context, h host.Host, to peer.ID, total int64) (int64, error){
	"oneway": oneway, "echo": echo, "requests": requests,
}

var wanted = pattern()

func send(s network.Stream, total int64) error {
	for sent := int64(0); sent < total; {
		at := sent % patternBytes
		n := min(pieceBytes, total-sent)
		if _, err := s.Write(wanted[at : at+n]); err != nil {
			return err
		}
		sent += n
	}
	return s.CloseWrite()
}

func oneway(ctx context.Context, h host.Host, to peer.ID, total int64) (int64, error) {
	s, err := h.NewStream(ctx, to, sinkProtocol)
	if err != nil {
		return 0, err
	}
	if err := send(s, total); err != nil {
		return 0, err
	}
	answer, err := io.ReadAll(s)
	if err != nil {
		return 0, fmt.Errorf("the receiver refused what came: %w", err)
	}
	return strconv.ParseInt(string(answer), 10, 64)
}

func echoed(ctx context.Context, h host.Host, to peer.ID, total int64, buffer []byte) (int64, error) {
	s, err := h.NewStream(ctx, to, echoProtocol)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	sent := make(chan error, 1)
	if total <= pieceBytes { // fits the window: no need for a goroutine
		sent <- send(s, total)
	} else {
		go func() { sent <- send(s, total) }()
	}
	count := int64(0)
	for {
		n, err := s.Read(buffer)
		at := count % patternBytes
		if !bytes.Equal(buffer[:n], wanted[at:at+int64(n)]) {
			return 0, errors.New("what came back is not what was sent")
		}
		count += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, err
		}
	}
	return count, <-sent
}

func echo(ctx context.Context, h host.Host, to peer.ID, total int64) (int64, error) {
	return echoed(ctx, h, to, total, make([]byte, pieceBytes))
}

func requests(ctx context.Context, h host.Host, to peer.ID, count int64) (int64, error) {
	var left, done atomic.Int64
	left.Store(count)
	failed := make(chan error, atOnce)
	for range atOnce {
		go func() {
			buffer := make([]byte, 4096)
			for left.Add(-1) >= 0 {
				n, err := echoed(ctx, h, to, requestBytes, buffer)
				if err == nil && n != requestBytes {
					err = errors.New("an answer was cut")
				}
				if err != nil {
					failed <- err
					return
				}
				done.Add(1)
			}
			failed <- nil
		}()
	}
	for range atOnce {
		if err := <-failed; err != nil {
			return 0, err
		}
	}
	return done.Load(), nil
}

func dial(run func(context.Context, host.Host, peer.ID, int64) (int64, error), address string, total int64) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	info, err := peer.AddrInfoFromString(address)
	if err != nil {
		return err
	}
	h, err := newHost()
	if err != nil {
		return err
	}
	defer h.Close()
	if err := h.Connect(ctx, *info); err != nil {
		return err
	}
	begin := time.Now()
	count, err := run(ctx, h, info.ID, total)
	if err != nil {
		return err
	}
	took := time.Since(begin).Seconds()
	fmt.Printf("{\"value\": %g, \"check\": \"%d\", \"peak\": %d}\n", float64(total)/took, count, peak())
	return nil
}

func peak() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	found := regexp.MustCompile(`VmHWM:\s+(\d+)`).FindSubmatch(status)
	if found == nil {
		return 0
	}
	kib, _ := strconv.ParseInt(string(found[1]), 10, 64)
	return kib * 1024
}
