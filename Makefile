# Names over cargo and scripts/. `make` alone lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help drill test bench bench-moving bench-storage soak mutants dist docs fmt lint types clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

drill: ## Rehearse a disaster on a sample database: break, restore, verify, repair
	@scripts/tools cargo
	@scripts/postgres
	@. scripts/env; say "drcore: building (minutes the first time, then seconds)"; \
	cargo run --package drcore-cli --bin drcore -- drill --sample

test: ## Everything that CI checks, against the built and installed artefacts too
	@scripts/test

lint: ## Formatting, clippy, docs and shell scripts only
	@scripts/test lock format clippy docs shell

fmt: ## Format the Rust code
	@cargo fmt --all

types: ## Write schemas and the TypeScript and Python types from the Rust types
	@scripts/generate

dist: ## Release artefacts in dist/: the command, the wheel, the npm tarball
	@scripts/dist

docs: ## The Rust documentation, in the browser
	@. scripts/env; cargo doc --workspace --no-deps --open

bench: ## Speed against the runbooks' SQL, the peers and the floor, into benches/RESULTS.md (ROWS=10000000 for more)
	@scripts/postgres
	@. scripts/env; peers=$$(scripts/peers) && cargo run --release --package drcore-bench -- \
	  --rows $(or $(ROWS),2000000) --rounds $(or $(ROUNDS),3) --peers "$$peers" --out benches/RESULTS.md

bench-moving: ## Copying, taking and restoring beside PostgreSQL's own programs, into benches/MOVING.md (ROWS=10000000 for more)
	@scripts/postgres
	@. scripts/env; cargo run --release --package drcore-bench -- moving \
	  --rows $(or $(ROWS),2000000) --rounds $(or $(ROUNDS),3) --out benches/MOVING.md

bench-storage: ## Files against their rows, beside listing alone, into benches/STORAGE.md (OBJECTS=100000,10000000 for others)
	@scripts/postgres
	@. scripts/env; cargo run --release --package drcore-bench -- storage \
	  --objects $${OBJECTS:-100000,1000000} --out benches/STORAGE.md

soak: ## What is too slow for `make test`: fuzzing, the large cases, and every PostgreSQL that is supported
	@scripts/postgres
	@scripts/fuzz
	@. scripts/env; cargo test --release --package drcore-tests --test scale -- --ignored --nocapture
	@. scripts/env; cargo test --release --package drcore --lib -- --ignored --nocapture
	@DRCORE_MAJORS="13 14 15 16 17 18" DRCORE_SEEDS=5 scripts/test majors

mutants: ## Hours: changes the checks in a thousand ways, and lists those that no test sees
	@. scripts/env; cargo mutants --version 2>/dev/null | grep -q ' 27\.1\.' || \
	  die "type: cargo install cargo-mutants --locked --version 27.1.0"; \
	cargo mutants --package drcore --output target

clean: ## Remove all that these commands made, except PostgreSQL
	@cargo clean
	@rm -rf dist .venv crates/drcore-node/node_modules crates/drcore-node/*.node
