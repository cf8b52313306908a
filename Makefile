# Two commands do it all: `make demo` and `make test`. Both start from Python 3.11 and make alone.
PYTHON ?= python3
UV_VERSION := 0.13.9

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := $(CURDIR)/.venv
export PATH := $(CURDIR)/.venv/bin:$(PATH)

UV := build/uv/bin/uv
READY := build/python.ready build/node.ready

.PHONY: help setup demo test check lint unit contracts integration test-long bench slither clean

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
