# Two commands do it all: `make demo` and `make test`. Both start from Python 3.11 and make alone.
PYTHON ?= python3
UV_VERSION := 0.13.9

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

export UV_PYTHON_DOWNLOADS := never
# Once, at installation: eth-account alone brings hundreds of modules, which each command would
# compile anew where Python may not write bytecode.
export UV_COMPILE_BYTECODE := 1
# Ours too: tests begin hundreds of processes.
export PYTHONDONTWRITEBYTECODE :=
export UV_PROJECT_ENVIRONMENT := $(CURDIR)/.venv
export PATH := $(CURDIR)/.venv/bin:$(PATH)

UV := build/uv/bin/uv
FORGE := $(CURDIR)/node_modules/.bin/forge
READY := build/python.ready build/node.ready

.PHONY: help setup demo test check lint unit contracts web integration test-long bench slither format clean

help:  ## what each target does
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(READY)  ## Python and Node dependencies, from the lock files

$(UV):
	$(PYTHON) -m venv build/uv
	build/uv/bin/pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"

build/python.ready: pyproject.toml uv.lock | $(UV)
	$(UV) sync --quiet --frozen --all-extras --all-groups --python $(PYTHON)
	touch $@

build/node.ready: package.json package-lock.json .npmrc build/python.ready
	npm ci --silent --ignore-scripts
	touch $@

demo: $(READY)  ## the whole line, narrated, on a chain and a database of its own
	credanchor demo

test: check contracts slither web integration  ## every check

check: lint unit  ## lint, types, import rules, unit tests: under a minute

lint: $(READY)
	ruff check .
	ruff format --check .
	mypy
	lint-imports

unit: $(READY)
	pytest -n auto tests/unit

contracts: $(READY)  ## the contract: the shipped copy, unit, fuzz and invariant tests
	$(FORGE) fmt --check
	python scripts/export_contract.py --check
	$(FORGE) test

build/slither.ready: tests/slither/pyproject.toml tests/slither/uv.lock | $(UV)
	UV_PROJECT_ENVIRONMENT=$(CURDIR)/build/slither $(UV) sync --quiet --frozen --project tests/slither --python $(PYTHON)
	touch $@

slither: $(READY) build/slither.ready  ## static analysis of the contract, each finding answered
	python scripts/slither.py

integration: $(READY)  ## real anvil, SQLite and PostgreSQL, the command line
	pytest -n 2 tests/integration

web: $(READY)  ## the verifier's page: both implementations agree, real Chromium, accessibility
	pytest -n 2 tests/web

test-long: $(READY)  ## long campaigns: deep invariants, large fuzzing
	FOUNDRY_PROFILE=long $(FORGE) test --fuzz-seed $$RANDOM
	pytest -n auto -m long tests

bench: $(READY)  ## figures, as ratios against a peer or a limit taken in the same run
	python scripts/bench/formats.py
	python scripts/bench/pipeline.py
	python scripts/bench/api.py
	python scripts/bench/service.py
	python scripts/bench/verifier.py
	python scripts/bench/audit.py

format: $(READY)
	ruff check --fix .
	ruff format .
	$(FORGE) fmt

clean:
	rm -rf build .venv node_modules dist
