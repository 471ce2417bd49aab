# make demo   set up, start on an embedded PostgreSQL, send traffic, show what became of it
# make test   set up and pass the tests (ARGS=tests/unit for some of them, WORKERS=0 for one process)
FITS := import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
# the system's own Python where it fits: distributions build it with profile-guided optimisation, which others often lack (13 % of the work)
PYTHON ?= $(shell /usr/bin/python3 -c '$(FITS)' 2>/dev/null && echo /usr/bin/python3 || echo python3)
VENV ?= .venv
WORKERS ?= 2
BIN := $(VENV)/bin
# code is compiled once, whatever the environment says: each process of an engine starts the sooner
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo run test check clean help
help:
	@sed -n '1,2p' Makefile

demo: $(VENV)/.run
	$(BIN)/isthmus demo $(ARGS)

run: $(VENV)/.run
	$(BIN)/isthmus run $(ARGS)

test: $(VENV)/.test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/isthmus lint
	$(BIN)/isthmus test

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info[:2] <= (3, 13), "Isthmus needs Python 3.11 to 3.13; name one: make PYTHON=python3.12"'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python requirements.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: $(VENV)/.run requirements-test.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-test.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
