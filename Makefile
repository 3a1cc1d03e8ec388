# Targets for people; `make help` lists them. Everything runs with /usr/bin/python3 in .venv, whatever else is in PATH.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo test trace exact interop bench sim fuzz check lint fmt deb install uninstall clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup:  ## install what is missing; .venv/bin/linkbalancer is there afterwards
	@scripts/setup product

demo: setup  ## rehearse every fault on real packets (root or sudo); report in build/demo.json
	@scripts/demo

test:  ## everything: format, lint, types, imports, all tests, coverage (root or sudo)
	@scripts/setup test
	@scripts/test all

trace:  ## the namespace tests that `test` leaves out: every change at every end, idle and busy (root or sudo)
	@scripts/setup test
	@scripts/test trace

exact:  ## 100,000 packets a rule set: the classifier, as text and in the kernel, beside a plain first match (root or sudo; PACKETS=, ONLY="kernel and fw1_10k")
	@scripts/setup test
	@PACKETS="$(or $(PACKETS),100000)" ONLY="$(ONLY)" scripts/test exact

interop:  ## our daemon beside Debian's Keepalived in every circumstance, as a matrix (root or sudo; ONLY="carrier v2", JOBS=6)
	@scripts/setup test
	@ONLY="$(ONLY)" JOBS="$(or $(JOBS),6)" scripts/test interop

bench:  ## what our daemon costs and how long traffic stops, beside Keepalived; build/bench.json (root or sudo; BENCH="cpu")
	@scripts/setup test
	@BENCH="$(BENCH)" REPEAT="$(or $(REPEAT),15)" SEED="$(or $(SEED),1)" scripts/test bench

sim:  ## tens of thousands of simulated histories as a table; build/simulation.json (hours; RUNS=100, RUNS="2:500 8:20", SEED=1; COMPILED=yes: half the time)
	@scripts/setup $(if $(filter yes,$(COMPILED)),compiled,check)
	@COMPILED="$(COMPILED)" RUNS="$(RUNS)" SEED="$(or $(SEED),1)" scripts/test sim

fuzz:  ## every decoder under libFuzzer, DURATION seconds in all (600); any exception is a failure, with its bytes
	@scripts/setup test
	@DURATION="$(or $(DURATION),600)" ONLY="$(ONLY)" scripts/test fuzz

check:  ## the part of `test` that needs no root, in a few minutes
	@scripts/setup check
	@scripts/test check

lint:  ## format, lint, types and the import contract alone
	@scripts/setup check
	@scripts/test lint

fmt:  ## format the sources, and mend what the linter can
	@scripts/setup check
	@source scripts/privileges && as_owner $$VENV/bin/ruff format . && as_owner $$VENV/bin/ruff check --fix .

deb:  ## build the Debian package: build/linkbalancer_VERSION_ARCH.deb, without lintian's complaints
	@scripts/setup deb
	@scripts/deb lintian

# Not by `as_root`: who installs, and where (DESTDIR, PREFIX), is the caller's business.
install:  ## put everything in place: PREFIX=/usr/local, DESTDIR= (docs/install.md)
	@DESTDIR="$(DESTDIR)" PREFIX="$(or $(PREFIX),/usr/local)" scripts/install install

uninstall:  ## take away what `make install` put in place; the configuration stays
	@DESTDIR="$(DESTDIR)" PREFIX="$(or $(PREFIX),/usr/local)" scripts/install uninstall

clean:  ## remove what was made: .venv, build, caches
	rm -rf .venv build .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
