package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
)

const (
	echoProtocol   = "/test/echo/1"
	sinkProtocol   = "/test/sink/1"
	slowProtocol   = "/test/slow/1"
	resetProtocol  = "/test/reset/1"
	holdProtocol   = "/test/hold/1"
	failedProtocol = "/test/failed/1"

	chunkBytes = 64 * 1024
	stall      = 2 * time.Second
)

// Streams of holdProtocol that broke.
var failed atomic.Int64

func serve(h host.Host) {
	h.SetStreamHandler(echoProtocol, func(s network.Stream) {
		if _, err := io.CopyBuffer(struct{ io.Writer }{s}, s, make([]byte, chunkBytes)); err != nil {
			s.Reset()
			return
		}
		s.Close()
	})
	h.SetStreamHandler(sinkProtocol, func(s network.Stream) { digest(s, 0) })
	h.SetStreamHandler(slowProtocol, func(s network.Stream) {
		time.Sleep(stall)
		digest(s, 5*time.Millisecond)
	})
	h.SetStreamHandler(resetProtocol, func(s network.Stream) {
		io.ReadFull(s, make([]byte, 1))
		s.Reset()
	})
	h.SetStreamHandler(holdProtocol, func(s network.Stream) {
		if hold(s) != nil {
			failed.Add(1)
			s.Reset()
		}
	})
	h.SetStreamHandler(failedProtocol, func(s network.Stream) {
		fmt.Fprintf(s, "%d\n", failed.Load())
		s.Close()
	})
}

// Reads to the end, with a pause after each piece, and answers with count and hash.
func digest(s network.Stream, pause time.Duration) {
	hash := sha256.New()
	count := 0
	buffer := make([]byte, chunkBytes)
	for {
		n, err := s.Read(buffer)
		hash.Write(buffer[:n])
		count += n
		if err == io.EOF {
			break
		}
		if err != nil {
			s.Reset()
			return
		}
		time.Sleep(pause)
	}
	fmt.Fprintf(s, "%d %x\n", count, hash.Sum(nil))
	s.Close()
}

func hold(s network.Stream) error {
	if _, err := s.Write([]byte("h")); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, s); err != nil {
		return err
	}
	if _, err := s.Write([]byte("e")); err != nil {
		return err
	}
	return s.Close()
}
