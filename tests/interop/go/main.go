// The go-libp2p peer of the interoperability tests: `listen`, `dial ADDRESS CASE`, and `call ADDRESS PROTOCOL`, which calls a
// guest of a node as a client does that knows nothing but libp2p. The contract is in ../README.md.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/multiformats/go-multistream"
)

const refused = 3 // exit code of `call`: the peer answered the negotiation with na

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		if errors.Is(err, multistream.ErrNotSupported[protocol.ID]{}) {
			os.Exit(refused)
		}
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 1 && arguments[0] == "listen":
		return listen()
	case len(arguments) == 3 && arguments[0] == "dial":
		return dial(arguments[1], arguments[2])
	case len(arguments) == 3 && arguments[0] == "call":
		return call(arguments[1], protocol.ID(arguments[2]))
	}
	return errors.New("usage: peer listen | dial ADDRESS CASE | call ADDRESS PROTOCOL")
}

// A host with TCP, Noise and yamux alone, and no limits of its own.
func newHost(listen ...string) (host.Host, error) {
	options := []libp2p.Option{
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Security(noise.ID, noise.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.ResourceManager(&network.NullResourceManager{}),
		libp2p.DisableRelay(),
		libp2p.UserAgent("interop-go"),
		libp2p.ProtocolVersion("ipfs/0.1.0"),
	}
	if len(listen) == 0 {
		options = append(options, libp2p.NoListenAddrs)
	} else {
		options = append(options, libp2p.ListenAddrStrings(listen...))
	}
	return libp2p.New(options...)
}

func listen() error {
	h, err := newHost("/ip4/127.0.0.1/tcp/0")
	if err != nil {
		return err
	}
	defer h.Close()
	serve(h)
	fmt.Printf("%s/p2p/%s\n", h.Addrs()[0], h.ID())
	_, err = io.Copy(io.Discard, os.Stdin) // whoever started this ends it by closing its stdin
	return err
}

func dial(address, name string) error {
	run, known := cases[name]
	if !known {
		return fmt.Errorf("no case %q", name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	c, err := connect(ctx, address)
	if err != nil {
		return err
	}
	defer c.host.Close()
	return run(c)
}

// One NewStream with the whole call as the protocol's name; stdin is the message, the answer goes to stdout.
func call(address string, id protocol.ID) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
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
	s, err := h.NewStream(ctx, info.ID, id)
	if err != nil {
		return err
	}
	defer s.Close()
	sent := make(chan error, 1)
	go func() {
		if _, err := io.Copy(s, bufio.NewReader(os.Stdin)); err != nil {
			sent <- err
			return
		}
		sent <- s.CloseWrite()
	}()
	if _, err := io.Copy(os.Stdout, s); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	return <-sent
}
