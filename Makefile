# The commands of the README; each does its own set-up. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup build demo test node bench papers interop check-all fresh install format tidy clean

ENV := . tools/env.sh &&
JOBS ?= $(shell nproc)

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## install what is missing (Debian packages; a Go from the Python package index if PATH has none)
	@tools/setup.sh

build: setup ## build everything (release)
	@tools/build.sh release

demo: setup ## two nodes, guests, calls across them: the whole thing in a minute
	@tools/build.sh release myelin myelin-compile guests
	@$(ENV) python3 tools/demo.py build/release

node: setup ## one node with an echo process, left running; prints its URL and addresses
	@tools/build.sh release myelin myelin-compile guests
	@$(ENV) python3 tools/demo.py build/release --leave-running

test: build ## all tests but interop, sanitizers and long fuzzing
	@$(ENV) tools/test.sh release

interop: ## against go-libp2p, rust-libp2p, js-libp2p as real peers
	@tools/setup.sh interop
	@tools/build.sh release
	@$(ENV) tests/interop/run.sh build/release

check-all: setup ## address, undefined-behaviour, thread sanitizers; each fuzzer for a minute
	@$(ENV) tools/check_all.sh

bench: ## every claim beside its peer; ROW=id runs one
	@tools/setup.sh bench
	@tools/build.sh release all bench_programs
	@$(ENV) bench/run.sh build/release $(ROW)

papers: setup ## the papers' tables at 10,000 nodes into docs/papers.md; fails where one is missed
	@tools/build.sh release myelin-papers
	@$(ENV) build/release/bin/myelin-papers

fresh: ## both commands in an empty Debian 12 root (needs root)
	@tools/fresh.sh

PREFIX ?= /usr/local
install: build ## program, helper, headers and CMake package under PREFIX (default /usr/local); DESTDIR is respected
	@cmake --install build/release --prefix $(PREFIX) >build/install.log && echo "installed under $(DESTDIR)$(PREFIX)"

format: ## clang-format in place
	@git ls-files '*.cpp' '*.hpp' | xargs -r clang-format-19 -i

tidy: setup ## clang-tidy: coroutine and lifetime mistakes
	@$(ENV) tools/tidy.sh

clean: ## remove build/ (the caches outside the tree stay)
	@rm -rf build
