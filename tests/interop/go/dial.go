package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"github.com/multiformats/go-multiaddr"
)

const mebibyte = 1 << 20

var cases = map[string]func(*client) error{
	"ping": runPing, "identify": runIdentify, "echo": runEcho, "streams": runStreams, "halfclose": runHalfClose,
	"reset": runReset, "slow": runSlow, "kill": runKill, "hold": runHold, "failed": runFailed,
}

type client struct {
	ctx        context.Context
	host       host.Host
	peer       peer.AddrInfo
	identified event.EvtPeerIdentificationCompleted
}

// Connects and waits for identify.
func connect(ctx context.Context, address string) (*client, error) {
	info, err := peer.AddrInfoFromString(address)
	if err != nil {
		return nil, err
	}
	h, err := newHost()
	if err != nil {
		return nil, err
	}
	events, err := h.EventBus().Subscribe([]any{new(event.EvtPeerIdentificationCompleted), new(event.EvtPeerIdentificationFailed)})
	if err != nil {
		return nil, err
	}
	defer events.Close()
	if err := h.Connect(ctx, *info); err != nil {
		return nil, err
	}
	c := &client{ctx: ctx, host: h, peer: *info}
	select {
	case got := <-events.Out():
		switch got := got.(type) {
		case event.EvtPeerIdentificationCompleted:
			c.identified = got
		case event.EvtPeerIdentificationFailed:
			return nil, fmt.Errorf("identify failed: %w", got.Reason)
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return c, nil
}

func (c *client) open(id protocol.ID) (network.Stream, error) {
	return c.host.NewStream(c.ctx, c.peer.ID, id)
}

func runPing(c *client) error {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	results := ping.Ping(ctx, c.host, c.peer.ID)
	for range 3 {
		result := <-results
		if result.Error != nil {
			return result.Error
		}
		fmt.Printf("%v ", result.RTT.Round(time.Microsecond))
	}
	early := c.host.Network().ConnsToPeer(c.peer.ID)[0].ConnState().UsedEarlyMuxerNegotiation
	fmt.Println("early muxer:", early)
	return nil
}

func runIdentify(c *client) error {
	got := c.identified
	for _, wanted := range []protocol.ID{echoProtocol, ping.ID, "/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0"} {
		if !slices.Contains(got.Protocols, wanted) {
			return fmt.Errorf("%s is not among %v", wanted, got.Protocols)
		}
	}
	if got.AgentVersion == "" || got.ProtocolVersion == "" {
		return fmt.Errorf("agent %q, protocol version %q", got.AgentVersion, got.ProtocolVersion)
	}
	if !slices.ContainsFunc(got.ListenAddrs, c.peer.Addrs[0].Equal) {
		return fmt.Errorf("%v is not among %v", c.peer.Addrs[0], got.ListenAddrs)
	}
	if got.ObservedAddr == nil {
		return errors.New("no observed address")
	}
	if ip, err := got.ObservedAddr.ValueForProtocol(multiaddr.P_IP4); err != nil || ip != "127.0.0.1" {
		return fmt.Errorf("observed address %v", got.ObservedAddr)
	}
	if got.SignedPeerRecord == nil {
		return errors.New("no signed peer record")
	}
	key := c.host.Peerstore().PubKey(c.peer.ID)
	if key == nil || !c.peer.ID.MatchesPublicKey(key) {
		return errors.New("no matching public key")
	}
	fmt.Println(got.AgentVersion)
	return nil
}

// Sends `total` bytes that never repeat and the end; gives their hash.
func send(s network.Stream, total int) ([]byte, error) {
	hash := sha256.New()
	chunk := make([]byte, chunkBytes)
	rand.Read(chunk)
	for sent := 0; sent < total; sent += len(chunk) {
		chunk = chunk[:min(chunkBytes, total-sent)]
		if len(chunk) >= 8 {
			binary.BigEndian.PutUint64(chunk, uint64(sent))
		}
		hash.Write(chunk)
		if _, err := s.Write(chunk); err != nil {
			return nil, err
		}
	}
	return hash.Sum(nil), s.CloseWrite()
}

// An echo of `total` bytes on a stream of its own, read while it is written.
func echo(c *client, total int) error {
	s, err := c.open(echoProtocol)
	if err != nil {
		return err
	}
	defer s.Close()
	return echoOn(s, total)
}

func echoOn(s network.Stream, total int) error {
	type outcome struct {
		hash []byte
		err  error
	}
	sent := make(chan outcome, 1)
	go func() {
		hash, err := send(s, total)
		sent <- outcome{hash, err}
	}()
	hash := sha256.New()
	count, err := io.Copy(hash, s)
	if err != nil {
		return fmt.Errorf("reading the echo: %w", err)
	}
	ours := <-sent
	if ours.err != nil {
		return fmt.Errorf("writing: %w", ours.err)
	}
	if count != int64(total) || string(hash.Sum(nil)) != string(ours.hash) {
		return fmt.Errorf("%d bytes came back with hash %x, sent were %d with %x", count, hash.Sum(nil), total, ours.hash)
	}
	return nil
}

func runEcho(c *client) error {
	begin := time.Now()
	if err := echo(c, 64*mebibyte); err != nil {
		return err
	}
	fmt.Printf("%.0f MiB/s\n", 64/time.Since(begin).Seconds())
	return nil
}

// All are open before the first is used.
func runStreams(c *client) error {
	const count = 1000
	opened := make(chan error, count)
	streams := make([]network.Stream, count)
	for i := range streams {
		go func() {
			s, err := c.open(echoProtocol)
			streams[i] = s
			opened <- err
		}()
	}
	for range count {
		if err := <-opened; err != nil {
			return fmt.Errorf("opening: %w", err)
		}
	}
	if connections := len(c.host.Network().ConnsToPeer(c.peer.ID)); connections != 1 {
		return fmt.Errorf("%d connections", connections)
	}
	echoed := make(chan error, count)
	for _, s := range streams {
		go func() { echoed <- echoOn(s, 4096) }()
	}
	for range count {
		if err := <-echoed; err != nil {
			return err
		}
	}
	for _, s := range streams {
		s.Close()
	}
	return nil
}

func runHalfClose(c *client) error {
	s, err := c.open(sinkProtocol)
	if err != nil {
		return err
	}
	defer s.Close()
	return digestOf(s, mebibyte)
}

// Sends, ends its half, and compares the answer's count and hash.
func digestOf(s network.Stream, total int) error {
	hash, err := send(s, total)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(s)
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if wanted := fmt.Sprintf("%d %x\n", total, hash); string(answer) != wanted {
		return fmt.Errorf("answer %q, not %q", answer, wanted)
	}
	return nil
}

func failures(c *client) (int, error) {
	s, err := c.open(failedProtocol)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	answer, err := io.ReadAll(s)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(answer)))
}

func openHeld(c *client) (network.Stream, error) {
	s, err := c.open(holdProtocol)
	if err != nil {
		return nil, err
	}
	_, err = io.ReadFull(s, make([]byte, 1))
	return s, err
}

// The peer resets a stream: an error, no end. We reset one: the peer sees that. The connection goes on.
func runReset(c *client) error {
	s, err := c.open(resetProtocol)
	if err != nil {
		return err
	}
	if _, err := s.Write([]byte("x")); err != nil {
		return err
	}
	if _, err := io.ReadAll(s); !errors.Is(err, network.ErrReset) {
		return fmt.Errorf("reading from a stream that the peer resets: %v", err)
	}
	before, err := failures(c)
	if err != nil {
		return err
	}
	held, err := openHeld(c)
	if err != nil {
		return err
	}
	held.Reset()
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		now, err := failures(c)
		if err != nil {
			return err
		}
		if now == before+1 {
			break
		}
		if time.Since(begin) > 10*time.Second {
			return errors.New("the peer did not see our reset")
		}
	}
	return echo(c, mebibyte)
}

// A reader that stalls and is slow holds the writer back, and nobody else.
func runSlow(c *client) error {
	s, err := c.open(slowProtocol)
	if err != nil {
		return err
	}
	defer s.Close()
	begin := time.Now()
	var written time.Duration
	done := make(chan error, 1)
	go func() {
		hash, err := send(s, 8*mebibyte)
		written = time.Since(begin)
		if err != nil {
			done <- err
			return
		}
		answer, err := io.ReadAll(s)
		if wanted := fmt.Sprintf("%d %x\n", 8*mebibyte, hash); err == nil && string(answer) != wanted {
			err = fmt.Errorf("answer %q, not %q", answer, wanted)
		}
		done <- err
	}()
	if err := echo(c, chunkBytes); err != nil {
		return err
	}
	beside := time.Since(begin)
	if err := <-done; err != nil {
		return err
	}
	if written < stall*3/4 {
		return fmt.Errorf("8 MiB were taken in %v from a writer whose reader stalls", written)
	}
	if beside > written {
		return fmt.Errorf("an echo beside it took %v, as long as the slow stream", beside)
	}
	fmt.Printf("writer held for %v, echo beside it %v\n", written.Round(time.Millisecond), beside.Round(time.Millisecond))
	return nil
}

// The peer is killed while we read: that ends, and not as a good end.
func runKill(c *client) error {
	s, err := openHeld(c)
	if err != nil {
		return err
	}
	fmt.Println("held")
	rest, err := io.ReadAll(s)
	if err == nil || len(rest) > 0 {
		return fmt.Errorf("%q and %v from a killed peer", rest, err)
	}
	fmt.Println("lost")
	if _, err := c.open(echoProtocol); err == nil {
		return errors.New("a stream to a killed peer was opened")
	}
	return nil
}

// Ten streams are held until we are killed.
func runHold(c *client) error {
	for range 10 {
		if _, err := openHeld(c); err != nil {
			return err
		}
	}
	fmt.Println("held")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

func runFailed(c *client) error {
	count, err := failures(c)
	fmt.Println(count)
	return err
}
