// The Go side of the claims about calls across nodes: go-libp2p and wazero, put together as the reference of Glia does.
// A process is one instance of a module, made once; a call is a stream whose protocol ID is the path
// /ww/0.1.0/<peer>/<pid>/<method>: its bytes up to the half-close are the method's stdin, what the method writes is the answer.
// The same contract as bench/glia.cpp and, for forward, as `myelin node`.
//
//	glia serve MODULE                one process; prints {"address", "path"}: where, and the path without the method
//	glia forward ADDRESS             POST of a path over HTTP becomes a call of the node at ADDRESS; prints {"http"}
//	glia calls ADDRESS PATH COUNT    calls of `hello`, 64 at a time
//	glia echo ADDRESS PATH BYTES     one call of `echo`
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/mr-tron/base58"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

const (
	prefix       = "/ww/0.1.0/"
	patternBytes = 1 << 20
	pieceBytes   = 256 * 1024
	atOnce       = 64
)

var hello = []byte("Hello, world!\n")

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 2 && arguments[0] == "serve":
		return serve(arguments[1])
	case len(arguments) == 2 && arguments[0] == "forward":
		return forward(arguments[1])
	case len(arguments) == 4 && work[arguments[0]] != nil:
		total, err := strconv.ParseInt(arguments[3], 10, 64)
		if err != nil {
			return err
		}
		return drive(work[arguments[0]], arguments[1], arguments[2], total)
	}
	return errors.New("usage: glia serve MODULE | forward ADDRESS | calls ADDRESS PATH COUNT | echo ADDRESS PATH BYTES")
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

// A process: one instance, which takes one call at a time.
type process struct {
	lock    sync.Mutex
	stdin   io.Reader
	stdout  io.Writer
	methods map[string]api.Function
}

func (p *process) Read(into []byte) (int, error)  { return p.stdin.Read(into) }
func (p *process) Write(from []byte) (int, error) { return p.stdout.Write(from) }

func spawn(ctx context.Context, module []byte) (*process, error) {
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, runtime); err != nil {
		return nil, err
	}
	compiled, err := runtime.CompileModule(ctx, module)
	if err != nil {
		return nil, err
	}
	p := &process{methods: map[string]api.Function{}}
	config := wazero.NewModuleConfig().WithStdin(p).WithStdout(p).WithStartFunctions("_initialize")
	instance, err := runtime.InstantiateModule(ctx, compiled, config)
	if err != nil {
		return nil, err
	}
	for name := range compiled.ExportedFunctions() {
		if !strings.HasPrefix(name, "_") {
			p.methods[name] = instance.ExportedFunction(name)
		}
	}
	return p, nil
}

func (p *process) call(ctx context.Context, method string, in io.Reader, out io.Writer) error {
	function := p.methods[method]
	if function == nil {
		return errors.New("no such method")
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	p.stdin, p.stdout = in, out
	return function.CallWithStack(ctx, nil)
}

func serve(file string) error {
	ctx := context.Background()
	module, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	p, err := spawn(ctx, module)
	if err != nil {
		return err
	}
	h, err := newHost("/ip4/127.0.0.1/tcp/0")
	if err != nil {
		return err
	}
	defer h.Close()
	pid := make([]byte, 20)
	if _, err := rand.Read(pid); err != nil {
		return err
	}
	base := prefix + h.ID().String() + "/" + base58.Encode(pid) + "/"
	here := func(id protocol.ID) bool {
		method, found := strings.CutPrefix(string(id), base)
		return found && p.methods[method] != nil
	}
	h.SetStreamHandlerMatch("/ww/0.1.0", here, func(s network.Stream) {
		if err := p.call(ctx, string(s.Protocol())[len(base):], s, s); err != nil {
			s.Reset()
			return
		}
		s.Close()
	})
	line, _ := json.Marshal(map[string]string{"address": fmt.Sprintf("%s/p2p/%s", h.Addrs()[0], h.ID()), "path": base})
	fmt.Println(string(line))
	_, err = io.Copy(io.Discard, os.Stdin) // whoever started this ends it by closing its stdin
	return err
}

func connect(ctx context.Context, address string) (host.Host, peer.ID, error) {
	info, err := peer.AddrInfoFromString(address)
	if err != nil {
		return nil, "", err
	}
	h, err := newHost()
	if err != nil {
		return nil, "", err
	}
	return h, info.ID, h.Connect(ctx, *info)
}

// One call whose answer is small: it replaces what is in `answer`.
func ask(ctx context.Context, h host.Host, to peer.ID, path protocol.ID, in io.Reader, answer *bytes.Buffer) error {
	answer.Reset()
	s, err := h.NewStream(ctx, to, path)
	if err != nil {
		return err
	}
	if in != nil {
		if _, err := io.Copy(s, in); err != nil {
			s.Reset()
			return err
		}
	}
	if err := s.CloseWrite(); err != nil {
		s.Reset()
		return err
	}
	if _, err := answer.ReadFrom(s); err != nil {
		s.Reset()
		return err
	}
	return s.Close()
}

func forward(address string) error {
	ctx := context.Background()
	h, _, err := connect(ctx, address)
	if err != nil {
		return err
	}
	defer h.Close()
	buffers := sync.Pool{New: func() any { return new(bytes.Buffer) }}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ww/0.1.0/{peer}/{pid}/{method}", func(w http.ResponseWriter, r *http.Request) {
		to, err := peer.Decode(r.PathValue("peer"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var in io.Reader
		if r.ContentLength != 0 {
			in = r.Body
		}
		answer := buffers.Get().(*bytes.Buffer)
		defer buffers.Put(answer)
		if err := ask(r.Context(), h, to, protocol.ID(r.URL.Path), in, answer); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Write(answer.Bytes())
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	line, _ := json.Marshal(map[string]string{"http": "http://" + listener.Addr().String()})
	fmt.Println(string(line))
	go http.Serve(listener, mux)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// What each command does over one connection: how much of it came about.
var work = map[string]func(ctx context.Context, h host.Host, to peer.ID, path string, total int64) (int64, error){
	"calls": calls, "echo": echo,
}

func calls(ctx context.Context, h host.Host, to peer.ID, path string, count int64) (int64, error) {
	var left, done atomic.Int64
	left.Store(count)
	failed := make(chan error, atOnce)
	for range atOnce {
		go func() {
			var answer bytes.Buffer
			for left.Add(-1) >= 0 {
				err := ask(ctx, h, to, protocol.ID(path+"hello"), nil, &answer)
				if err == nil && !bytes.Equal(answer.Bytes(), hello) {
					err = errors.New("the answer is not the right one")
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

func send(s network.Stream, wanted []byte, total int64) error {
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

func echo(ctx context.Context, h host.Host, to peer.ID, path string, total int64) (int64, error) {
	wanted := pattern()
	s, err := h.NewStream(ctx, to, protocol.ID(path+"echo"))
	if err != nil {
		return 0, err
	}
	defer s.Close()
	sent := make(chan error, 1)
	go func() { sent <- send(s, wanted, total) }()
	buffer := make([]byte, pieceBytes)
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

func drive(run func(context.Context, host.Host, peer.ID, string, int64) (int64, error), address, path string, total int64) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	h, to, err := connect(ctx, address)
	if err != nil {
		return err
	}
	defer h.Close()
	var answer bytes.Buffer // one call before, so that both sides know each other's protocols and have run the guest
	if err := ask(ctx, h, to, protocol.ID(path+"hello"), nil, &answer); err != nil {
		return err
	}
	begin := time.Now()
	count, err := run(ctx, h, to, path, total)
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
