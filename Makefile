# Two targets are all a user needs: `make train` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: train test lint types format wheel results bench clean

train: $(VENV)/installed
	$(BIN)/sixloops train $(ARGS)

test: $(VENV)/installed-for-tests
	$(BIN)/python -m pytest -n 2 $(ARGS)

lint: $(VENV)/installed-for-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/installed-for-tests
	$(BIN)/mypy

format: $(VENV)/installed-for-tests
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: $(VENV)/installed-for-tests
	rm -rf dist
	$(BIN)/python -m build

results: $(VENV)/installed
	$(BIN)/python results/table.py
	$(BIN)/python results/page.py

bench: $(VENV)/installed-for-tests
	$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf $(VENV) dist build

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/installed-for-tests: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@ $(VENV)/installed
