# One command, one definition: people, hooks and CI call these targets.
# A first run sets up what it needs (.venv, node_modules, the extension, development keys); later runs find it done.
# What is done is remembered by a file under build/, older than its sources or not.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
# Where cargo builds; a second working copy may point elsewhere.
export CARGO_TARGET_DIR ?= $(CURDIR)/target
# The extension is built for, and the tests of the bindings run on, the interpreter of .venv.
export PYO3_PYTHON := $(CURDIR)/.venv/bin/python
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export PYTHONDONTWRITEBYTECODE := 1

PYTHON_CODE := $(wildcard prover relayer demo bench examples tests)
RUST_SOURCES := $(shell find rust circuits -name '*.rs' -o -name 'Cargo.toml') Cargo.toml Cargo.lock rust-toolchain.toml
CONTRACTS := $(shell find contracts/src contracts/test contracts/script -name '*.sol' 2>/dev/null)
# Files in git that a command writes; `make generate` writes them anew, `make check` wants that to change nothing.
GENERATED := tests/vectors relayer/interfaces contracts/src/PoseidonConstants.sol relayer/web/static/vendor relayer/web/static/crypto/poseidon_constants.js docs/openapi.json docs/openapi-admin.json

say = @printf '\033[1m== %s\033[0m\n' "$(1)"

.PHONY: help demo local test test-full fuzz check bench setup system venv node native keys fmt lock sbom generate assurance clean \
        test-rust test-assurance test-python test-contracts test-symbolic check-rust check-python check-contracts \
        check-slither check-generated venv-contracts

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

# ---- what people run --------------------------------------------------------------------------------------------------

demo: setup keys ## the relayer on a local chain: encrypted real orders, sealed, proven and settled, from deposits to claims
	$(call say,Demo)
	@python -m demo

local: setup keys ## tacit to try: a local chain, a vault, a relayer and a market maker, until Ctrl-C
	$(call say,A relayer on a local chain)
	@python -m demo.local

test: setup system keys test-rust test-assurance test-python test-contracts test-symbolic ## every test

test-full: export TACIT_FULL := 1
test-full: export FOUNDRY_PROFILE := full
test-full: test ## every test at full depth (hours)

fuzz: setup keys ## every fuzz target for FUZZ_SECONDS (600), two at a time; TARGETS names some
	$(call say,Fuzzing)
	@python -m tests.fuzz.campaign $(TARGETS)

check: venv node check-rust check-python check-contracts check-slither check-generated ## format, lints, types, banned calls, static analysis, generated files

bench: setup keys ## measure and write docs/measurements.md, docs/measurements-intake.md and docs/measurements-steady.md
	$(call say,Bench)
	@python -m bench
	@python -m bench.intake --full --out docs/measurements-intake.md
	@python -m bench.steady --full --out docs/measurements-steady.md

fmt: venv node ## format every language
	@cargo fmt --all
	@ruff check --quiet --fix-only .
	@ruff format --quiet .
	@cd contracts && forge fmt

# ---- setting up -------------------------------------------------------------------------------------------------------

setup: venv node native

# Programs that tests drive and that are no packages of ours: PostgreSQL and Chromium. Where they are missing and apt-get may be used they
# are installed; elsewhere the tests that need them say what is missing.
SYSTEM := $(shell ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || echo postgresql) \
          $(shell command -v chromium >/dev/null || echo chromium)

system:
ifneq ($(strip $(SYSTEM)),)
	$(call say,$(strip $(SYSTEM)) from the distribution)
	@if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	  apt-get update --quiet=2 && DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends $(SYSTEM) > /dev/null; \
	else echo 'install by hand, as tests need it: $(strip $(SYSTEM))'; fi
endif

venv: build/venv.stamp
build/venv.stamp: requirements/dev.txt
	$(call say,Python packages into .venv)
	@mkdir -p build
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"tacit needs Python 3.11 or newer, found {sys.version.split()[0]}; say make PYTHON=...")'
	@"$(PYTHON)" -m venv .venv
	@python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.txt
	@touch $@

# Tools that judge the contracts, apart: nothing of ours imports them or shares a dependency with them.
venv-contracts: build/venv-contracts.stamp
build/venv-contracts.stamp: requirements/contracts.txt
	$(call say,slither and halmos into .venv-contracts)
	@mkdir -p build
	@"$(PYTHON)" -m venv .venv-contracts
	@.venv-contracts/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

node: build/node.stamp
build/node.stamp: package.json package-lock.json
	$(call say,forge$(comma) anvil$(comma) solc and snarkjs into node_modules)
	@mkdir -p build
	@npm ci --silent
	@touch $@

native: build/native.stamp
build/native.stamp: build/venv.stamp pyproject.toml $(RUST_SOURCES)
	$(call say,The extension prover._native)
	@PIP_QUIET=1 maturin develop --release --locked
	@touch $@

# `prover setup` keeps keys that belong to the circuit as it is, and makes new ones when it has changed.
keys: build/keys.stamp
build/keys.stamp: build/native.stamp
	$(call say,Development keys)
	@for params in dev standard; do prover setup --params $$params; done
	@touch $@

# ---- tests ------------------------------------------------------------------------------------------------------------

# The interpreter's own library, for test programs that embed it.
PYTHON_LIBRARY = $$(python -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR") or "")')

# What the attacks met is written down on the way, for test-assurance.
test-rust: export TACIT_RECORDS := $(CURDIR)/build/assurance
test-rust: venv
	$(call say,Tests in Rust)
	@rm -rf "$$TACIT_RECORDS"
	@LD_LIBRARY_PATH="$(PYTHON_LIBRARY):$${LD_LIBRARY_PATH:-}" cargo test --release --workspace --locked --quiet

test-assurance: venv test-rust
	$(call say,Promises$(comma) deletions and docs/assurance.md)
	@python -m tests.assurance

test-python: setup system venv-contracts keys
	$(call say,Tests in Python)
	@python -m mypy.stubtest prover._native
	@# One more than there are cores: much of what is tested waits for a chain.
	@python -m pytest --quiet --numprocesses $$(( $$(nproc) < 3 ? 3 : 4 )) --dist loadfile --no-loadscope-reorder --ignore tests/web
	@python -m pytest --quiet tests/web

test-contracts: node
	$(call say,Tests of the contracts)
	@cd contracts && forge test

test-symbolic: venv node venv-contracts
	$(call say,Symbolic tests of the contracts)
	@python tests/check_symbolic.py

# ---- checks -----------------------------------------------------------------------------------------------------------

check-rust: venv
	$(call say,rustfmt and clippy)
	@cargo fmt --all --check -- -l || { echo 'the files above are not formatted: make fmt'; exit 1; }
	@cargo clippy --release --workspace --all-targets --locked --quiet -- -D warnings

check-python: venv
	$(call say,ruff$(comma) mypy and banned calls)
	@ruff check --quiet .
	@ruff format --quiet --check .
	@mypy $(PYTHON_CODE)
	@python tests/check_banned_calls.py

check-contracts: node
	$(call say,forge fmt and the compiler's warnings)
	@cd contracts && forge fmt --check && forge build --quiet

check-slither: venv node venv-contracts
	$(call say,slither$(comma) beside contracts/slither.toml)
	@python tests/check_slither.py

check-generated: setup
	$(call say,Generated files)
	@before=$$($(DIGEST)); $(MAKE) generate; after=$$($(DIGEST)); \
	diff <(echo "$$before") <(echo "$$after") || { echo "make generate changed the files above: look, then commit them"; exit 1; }

DIGEST = find $(GENERATED) -type f ! -path '*/external/*' -print0 | sort -z | xargs -0 sha256sum

generate: setup ## write the generated files in git anew
	@python -m tests.reference.write_vectors
	@cargo run --quiet --release --locked -p tacit-core --example poseidon_constants > build/PoseidonConstants.sol
	@mv build/PoseidonConstants.sol contracts/src/PoseidonConstants.sol
	@python -m tests.relayer.write_interfaces
	@python -m tests.web.write_web
	@python -m relayer.api.openapi docs

assurance: venv test-rust ## attack every promise and write the tables of docs/assurance.md anew
	@python -m tests.assurance --write

# ---- upkeep -----------------------------------------------------------------------------------------------------------

PIP_COMPILE = pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
              --no-emit-index-url --no-emit-trusted-host --no-emit-find-links

sbom: ## write what is shipped, and what it runs with, to build/sbom.json
	@mkdir -p build
	@"$(PYTHON)" packaging/sbom.py build/sbom.json

lock: venv ## renew requirements/*.txt and package-lock.json within what the .in files allow
	@$(PIP_COMPILE) --upgrade --output-file requirements/runtime.txt requirements/runtime.in
	@$(PIP_COMPILE) --upgrade --output-file requirements/dev.txt requirements/dev.in
	@$(PIP_COMPILE) --upgrade --output-file requirements/build.txt requirements/build.in
	@$(PIP_COMPILE) --upgrade --output-file requirements/contracts.txt requirements/contracts.in
	@npm install --package-lock-only --silent

clean: ## remove what make built, but for environments, node_modules and keys
	@rm -rf build/native.stamp build/mypy build/pytest contracts/out contracts/cache
	@cargo clean --quiet

comma := ,
