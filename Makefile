# Every target sets up what it needs in .venv; only Python 3.11 or newer with venv, and make, must be there.
PYTHON ?= python3
# For example https://download.pytorch.org/whl/cpu, which saves the GPU libraries of PyPI's Linux build.
TORCH_INDEX ?=
PAGES ?= examples

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
BASE := .venv/.base-installed
DEV := .venv/.dev-installed
BENCH := .venv/.bench-installed

.PHONY: demo test lint format bench acceptance setup clean
.DEFAULT_GOAL := demo

demo: $(BASE) ## read an example page
	@$(BIN)/inkread read examples/letter.png --show-confidence

test: $(DEV) ## run the tests
	@$(BIN)/python -m pytest -q -n auto

lint: $(DEV) ## check style, types, layers and workflows
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/actionlint .github/workflows/*.yml
	@$(BIN)/zizmor --offline --quiet --no-progress .github
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

format: $(DEV) ## put the code in order
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: $(BENCH) ## speed, memory and errors beside other engines: make bench PAGES=folder
	@$(BIN)/inkread bench $(PAGES)

acceptance: $(DEV) ## try the whole stack: jobs, roles, kill -9, monitoring; prints a table
	@$(BIN)/python scripts/acceptance.py

setup: $(DEV) ## install everything that tests and lint need

clean: ## remove the virtual environment and caches
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Inkread needs Python 3.11 or newer: make PYTHON=python3.12 …")'
	@$(PYTHON) -m venv .venv

$(BASE): pyproject.toml | $(BIN)/python
	@echo "Setting up .venv (once) …"
	@$(PIP) --editable .
	@touch $@

$(DEV): $(BASE)
	@echo "Installing what tests and training need (once) …"
	@$(PIP) torch==2.13.0 $(addprefix --extra-index-url ,$(TORCH_INDEX))
	@$(PIP) --editable '.[dev,train,serve]'
	@touch $@

$(BENCH): $(BASE)
	@$(PIP) --editable '.[bench]'
	@touch $@
