# Two commands: `make demo` shows it, `make test` proves it. Both set up what they need.
# The first Python that is new enough; another one: make PYTHON=/path/to/python ...
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-input
PINNED := --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help install dev pins keywords sshd systemd-host demo lint types contracts tests test fix clean

help:
	@echo "make install   .venv/bin/outlast and nothing else"
	@echo "make demo      install, then run examples/quickstart.yml on this machine"
	@echo "make test      set up and run everything: lint, types, contracts, tests"
	@echo "make systemd-host   (as root, once) give the tests a host with systemd to try"
	@echo "make pins      install the newest of everything, and write the versions down"
	@echo "make fix       let the linter mend what it can"

$(VENV)/installed: pyproject.toml constraints.txt
	@test -n '$(PYTHON)' || { \
	echo "outlast needs Python 3.11 or later, and found none; say where: make PYTHON=/path/to/python install"; \
	exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing outlast into $(VENV)"
	@$(PIP) $(PINNED) --editable .
	@$(BIN)/python -m compileall -q src # so that the first start is as fast as the others
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@echo "installing what the tests need into $(VENV)"
	@$(PIP) 'pip>=25.1'
	@$(PIP) $(PINNED) --group dev
	@touch $@

# The page of keywords, from the table that the parser goes by.
keywords: install
	@$(BIN)/python scripts/keywords

# The newest of everything, written down for everybody: to be tested before it is committed.
pins: dev
	@$(PIP) --upgrade --upgrade-strategy eager --editable . --group dev
	@{ sed -n '/^#/p' constraints.txt; $(BIN)/python -m pip list --format=freeze \
	--disable-pip-version-check --exclude-editable --exclude pip --exclude setuptools; } > constraints.new
	@mv constraints.new constraints.txt

install: $(VENV)/installed
dev: $(VENV)/installed-dev

# The tests talk to real hosts: an OpenSSH server and sudo on this very machine.
sshd:
	@scripts/need-test-hosts

# One of them, if it was made, has systemd and logind: `make test` uses it when it is there.
systemd-host:
	@scripts/systemd-host build .systemd-host

demo: install
	$(BIN)/outlast playbook -i examples/hosts.ini examples/quickstart.yml

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
