# Two commands: `make demo` shows it, `make test` proves it. Both set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help install dev sshd demo lint types contracts tests test fix clean

help:
	@echo "make install   .venv/bin/outlast and nothing else"
	@echo "make demo      install, then run examples/quickstart.yml on this machine"
	@echo "make test      set up and run everything: lint, types, contracts, tests"
	@echo "make fix       let the linter mend what it can"

$(VENV)/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "outlast needs Python 3.11 or later; say which: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	touch $@

install: $(VENV)/installed
dev: $(VENV)/installed-dev

# The tests talk to real hosts: an OpenSSH server and sudo on this very machine.
sshd:
	@scripts/need-test-hosts

demo: install
	$(BIN)/outlast playbook examples/quickstart.yml

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: dev
	$(BIN)/mypy

contracts: dev
	$(BIN)/lint-imports

tests: dev sshd
	$(BIN)/pytest -q -n 4

test: lint types contracts tests

fix: dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
