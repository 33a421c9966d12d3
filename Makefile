# Two commands matter: `make demo` and `make test`. `make help` lists the rest. The logic is in scripts/ and in the CLI.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup setup-test demo up test soak bench lint format docs client reference clean

# Some containers forbid it, and then each process compiles every library anew: seconds, some hundred times in the tests.
unexport PYTHONDONTWRITEBYTECODE

SOURCE ?= world
DATA ?= ../shared/data
SERVE ?= 1
WORKERS ?= 2
ARGS ?=

BIN := .venv/bin
PREPARE = python=$$(sh scripts/python.sh) && $$python -m scripts.setup
PYTEST = $(BIN)/python -m pytest

help: ## Show this text
	@sh scripts/help.sh $(MAKEFILE_LIST)

setup:
	@$(PREPARE)

setup-test:
	@$(PREPARE) test

demo: setup ## Fill a registry, build the warehouse, serve everything   [SERVE=0] [SOURCE=jenkins DATA=../shared/data]
	@exec $(BIN)/patchbay demo --source $(SOURCE) $(if $(filter jenkins,$(SOURCE)),--data $(DATA)) $(if $(filter 0 no false,$(SERVE)),--no-serve,--serve) $(ARGS)

up: setup ## Start API, Dagster and dashboards on the state under var/
	@exec $(BIN)/patchbay up $(ARGS)

test: setup-test ## Run all tests, with a real PostgreSQL and a real browser   [ARGS="-k feeds"] [WORKERS=2]
	@exec $(PYTEST) -m "not soak" -n $(WORKERS) --dist loadfile $(ARGS)

soak: setup-test ## Run the long campaigns (kills, load) in full
	@$(PYTEST) -m soak --timeout 7200 $(ARGS)
	@exec sh scripts/coverage.sh

bench: setup ## Measure intake, build, feeds, api, audit, the world and the whole loop, each beside its bare limit
	@exec $(BIN)/python -m benchmarks $(ARGS)

lint: setup ## Ruff, mypy --strict, the import contract, the docs built strictly
	@sh scripts/lint.sh

format: setup ## Let ruff format and mend what it can
	@$(BIN)/ruff check --fix --quiet . && $(BIN)/ruff format .

docs: setup ## Serve the documentation on http://127.0.0.1:8410 while you edit it
	@exec $(BIN)/mkdocs serve --dev-addr 127.0.0.1:8410

client: setup ## Write the made parts of the Python client anew
	@$(BIN)/python -m scripts.client

reference: setup ## Write the pages of docs/reference anew from the code
	@$(BIN)/python -m scripts.reference

clean: ## Remove .venv, caches and built docs; var/ (your registry) stays
	@rm -rf .venv site build dist .*_cache *.egg-info .coverage
	@find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +
	@echo "Removed .venv, caches and built docs. Your registry under var/ is kept; 'rm -r var' removes it too."
