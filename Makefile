# Every target sets up what it needs in .venv; only Python 3.11 or newer with venv, and make, must be there.
PYTHON ?= python3
# For example https://download.pytorch.org/whl/cpu, which saves the GPU libraries of PyPI's Linux build.
TORCH_INDEX ?=
PAGES ?= examples
# Of make loop: folder of sources, a bundle that has not seen the unseen ones, these, how it trains (head, layer or finetune).
DATA ?= ../shared/data
MODEL ?= bundled
SOURCES ?= names-fr
WAY ?= head
LOOP ?= runs/loop
# Processes that run tests; 0 runs them one after the other.
WORKERS ?= auto

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest -q -n $(WORKERS)
BASE := .venv/.base-installed
DEV := .venv/.dev-installed
BENCH := .venv/.bench-installed

.PHONY: demo test test-system test-all cases coverage lint format docs bench loop acceptance constraints dist setup clean help
.DEFAULT_GOAL := demo

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

demo: $(BASE) ## read a letter of 1905
	@$(BIN)/inkread read tests/pages/letter-1905-en.webp --show-confidence

test: $(DEV) ## run the tests, less those marked system
	@$(PYTEST) -m "not system"

test-system: $(DEV) ## run the tests marked system: installed packages, browser, stacks of services
	@$(PYTEST) -m system

test-all: test test-system ## run all tests

cases: $(DEV) ## run the tests of inputs that once went wrong, and print a table of them
	@$(PYTEST) -m case --tb=short --table

coverage: $(DEV) ## run all tests and say which lines none of them runs
	@$(PYTEST) --cov --cov-report=term:skip-covered --cov-report=html

lint: $(DEV) ## check style, complexity, types, layers, workflows and benchmark results
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/actionlint .github/workflows/*.yml
	@$(BIN)/zizmor --offline --quiet --no-progress .github
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-actions .github/actions/images/action.yml
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/feature.yml .github/ISSUE_TEMPLATE/reading.yml
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	@$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	@$(BIN)/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff
	@$(BIN)/check-jsonschema --schemafile benchmarks/results/schema.json benchmarks/results/[0-9]*.json
	@$(BIN)/check-jsonschema --schemafile benchmarks/results/load/schema.json benchmarks/results/load/[0-9]*.json

format: $(DEV) ## put the code in order
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

docs: $(DEV) ## build the site into site/
	@$(BIN)/python benchmarks/releases.py
	@$(BIN)/mkdocs build --strict --quiet

bench: $(BENCH) ## speed, memory and errors beside other engines: make bench PAGES=folder
	@$(BIN)/python benchmarks/engines.py $(PAGES)

loop: $(DEV) ## six months of correcting and retraining, simulated: make loop DATA=../shared/data MODEL=bundle SOURCES="a b"
	@$(BIN)/python benchmarks/loop.py $(DATA) --model $(MODEL) $(addprefix --source ,$(SOURCES)) --way $(WAY) -o $(LOOP)

acceptance: $(DEV) ## try the whole stack: jobs, roles, kill -9, monitoring; prints a table
	@$(BIN)/python -m scripts.acceptance

constraints: $(DEV) ## write constraints.txt: the versions in .venv, with which the tests ran
	@{ echo "# The versions that the tests ran with; make constraints writes this file after make setup."; \
	   echo "# pip install --constraint constraints.txt 'inkread[all]'"; \
	   $(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//'; } > constraints.txt

dist: $(DEV) ## build wheel and sdist into dist/
	@$(BIN)/python -m build --outdir dist

setup: $(DEV) ## install everything that tests, lint and docs need

clean: ## remove the virtual environment, built files and caches
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .coverage htmlcov dist site

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Inkread needs Python 3.11 or newer: make PYTHON=python3.12 …")'
	@$(PYTHON) -m venv .venv

$(BASE): pyproject.toml | $(BIN)/python
	@echo "Setting up .venv (once) …"
	@$(PIP) --editable .
	@touch $@

$(DEV): $(BASE)
	@echo "Installing what tests, training and docs need (once) …"
	@$(PIP) torch==2.13.0 $(addprefix --extra-index-url ,$(TORCH_INDEX))
	@$(PIP) --editable '.[all,dev,docs]'
	@touch $@

$(BENCH): $(BASE)
	@$(PIP) --editable '.[bench]'
	@touch $@
