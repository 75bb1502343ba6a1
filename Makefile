# Everything by one word. `make demo` and `make test` set up what they need themselves.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup build flows tests demo test lint bench bench-ears figures screenshots fuzz dist

# Where nobody watches, the lock files are taken as they are.
LOCKED := $(if $(CI),--locked)

help: ## what there is to make
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile | expand -t 18

setup: ## bring what is missing, and say what and why; a second run only looks
	@.setup/run

build: setup ## the engine and the command `ghanti`, into target/release
	cargo build --release --workspace $(LOCKED)

flows: build ## the plugins, built, into their folders in flows/
	@.setup/flows

demo: build flows ## one whole call: greeting, identity, the instalment, an agent
	target/release/ghanti call --scenario tests/scenarios/agrees.toml

# The program and its tests at once: a crate is compiled anew for tests where they want more of the
# libraries than the program does (a clock that can be stopped).
tests: setup ## the tests, the program that they run and its flows
	cargo build --release --workspace --bins --examples --tests $(LOCKED)
	@# `--tests` leaves these out
	cargo build --release --workspace --test answers --test reload --test scenarios $(LOCKED)
	@.setup/flows

# tests wait for calls more than they compute
test: export RUST_TEST_THREADS ?= 8
test: tests ## all tests, with real speech, Redis and PostgreSQL
	@# it computes for minutes in virtual time, and the others wait in real time: it takes what they leave
	@nice -n 19 cargo test --release --workspace $(LOCKED) --test answers >target/answers.txt 2>&1 & answers=$$!; \
	failed=0; \
	cargo test --release --workspace $(LOCKED) --test reload >target/reload.txt 2>&1 & reload=$$!; \
	cargo test --release --workspace $(LOCKED) --test scenarios || failed=$$?; \
	wait $$reload || failed=$$?; \
	cargo test --release --workspace --no-fail-fast $(LOCKED) || failed=$$?; \
	wait $$answers || failed=$$?; \
	cat target/reload.txt target/answers.txt; \
	exit $$failed

lint: setup ## formatting, clippy, licences and sources of all crates
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets --test answers --test reload --test scenarios $(LOCKED) -- -D warnings
	cd plugins && cargo fmt --all --check
	cd plugins && cargo clippy --release --workspace --all-targets $(LOCKED) -- -D warnings
	@if cargo deny --version >/dev/null 2>&1; then \
	    cargo deny check licenses bans sources; \
	    (cd plugins && cargo deny check --config ../.deny.toml licenses bans sources); \
	    if cargo deny fetch db >/dev/null 2>&1; then \
	        cargo deny check --disable-fetch advisories; \
	        (cd plugins && cargo deny check --disable-fetch --config ../.deny.toml advisories); \
	    else \
	        echo 'lint: the database of advisories cannot be had here, so that advisories were not checked'; \
	    fi; \
	else \
	    echo 'lint: cargo-deny is not installed (`cargo install cargo-deny --locked`): its lists are read by tests/tests/licences.rs, in `make test`'; \
	fi

bench: build flows ## what a call, a flow, a reload and the console beside calls cost; 10,000 calls whose stores are lost, 1,000 on a bad day of Exotel's; all of it in target/bench/report.md
	@mkdir -p target/bench
	cargo bench --workspace --bench cost $(LOCKED) | tee target/bench/cost.txt
	CALLS=10000 cargo test --release --workspace $(LOCKED) --test all lost_stores -- --nocapture | tee target/bench/stores.txt
	CALLS=1000 cargo test --release --workspace $(LOCKED) --test all faults:: -- --nocapture | tee -a target/bench/stores.txt
	cargo bench --workspace --bench figures $(LOCKED)

figures: build ## the table of the last report, into README.md
	cargo bench --workspace --bench figures $(LOCKED) -- readme

screenshots: build flows ## the pictures of the console in docs/images, by Chromium
	@.setup/screenshots

fuzz: ## what reads input from outside, FUZZ_S seconds (60) each, by libFuzzer
	@tests/fuzz/run $(FUZZ)

bench-ears: build ## how callers are understood over bad lines, and how soon they are answered
	cargo bench --workspace --bench ears $(LOCKED)

# what tests need is not needed for it
dist: ## dist/ghanti-VERSION-TARGET.tar.gz: program, flows, manual, completions, unit, licences
	@.setup/run flows
	cargo build --release --workspace $(LOCKED)
	@.setup/flows
	@.setup/dist
