# The commands of this repository. Each does all it needs by itself, into this folder only, and a second
# run is quick: `.venv` and `tests/clients/node_modules` are made anew when their lock files change.

PYTHON ?= python3
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help demo test race bench chaos lint format clean

help: ## List these commands
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | while IFS="$$(printf '\t')" read -r name what; do \
		printf '  make %-8s %s\n' "$$name" "$$what"; done

demo: ## Serve the example with its sign-in page (PORT=8000, DATABASE_URL=an SQLite file under .demo/)
	@scripts/install-python demo
	@scripts/demo

test: ## Run every test against the real things; ARGS="-k refresh" chooses some
	@scripts/install-python all
	@scripts/install-clients
	@scripts/install-chromium
	@scripts/install-pgbouncer
	@scripts/test $(ARGS)

race: ## 100,000 racing refreshes on two nodes; ARGS="--on both --refreshes 5000" and more, see ARGS=--help
	@scripts/install-python all
	@scripts/race $(ARGS)

bench: ## What operations cost beside the floor and the peers; ARGS=--short for less of it, ARGS="--short --write" for the page
	@scripts/install-python all
	@scripts/bench $(ARGS)

chaos: ## Kill nodes at every commit point, break databases, see that nothing is lost; ARGS="--faults disk" and more
	@scripts/install-python all
	@scripts/install-pgbouncer
	@scripts/chaos $(ARGS)

lint: ## Check style, formatting, types and that imports run downwards
	@scripts/install-python all
	@scripts/lint

format: ## Put the code in the house's format
	@scripts/install-python all
	.venv/bin/ruff check --fix-only --quiet .
	.venv/bin/ruff format .

clean: ## Remove all that these commands made, the demo's users included
	rm -rf .venv .demo .cache tests/clients/node_modules .pytest_cache .ruff_cache .hypothesis .import_linter_cache
