SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MVN ?= mvn -q -B

.DEFAULT_GOAL := help
.PHONY: help demo run install install-dev system-packages test test-python test-bridge check lint types bench bridge lock clean

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

$(VENV)/.installed: requirements.lock pyproject.toml
	@deploy/install-system-packages run
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock pyproject.toml
	@deploy/install-system-packages run
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.installed

install: $(VENV)/.installed-dev ## Install everything into .venv

system-packages: ## Install the Debian packages that the tests use
	@deploy/install-system-packages test

demo: install ## Walk through publish, poll and fetch on a local registry
	@$(BIN)/python -m deploy.demo

run: install ## Start the server on loopback, port 8800
	@$(BIN)/gocd-registry serve

test: system-packages install test-python test-bridge ## Run all tests

test-python: install
	$(BIN)/pytest

test-bridge: install
	$(MVN) -f bridge/pom.xml verify

bridge: ## Build the JAR for GoCD into bridge/target
	@command -v mvn >/dev/null || deploy/install-system-packages test
	$(MVN) -f bridge/pom.xml package -DskipTests

check: system-packages install lint types test ## Lint, types and all tests

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

bench: install ## Measure against named peers and print ratios
	$(BIN)/python -m benchmarks

lock: ## Renew the locked dependencies
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile -q pyproject.toml --generate-hashes --no-emit-index-url --no-annotate --no-header --universal --python-version 3.11 --upgrade -o requirements.lock
	$(BIN)/uv pip compile -q pyproject.toml --extra dev --generate-hashes --no-emit-index-url --no-annotate --no-header --universal --python-version 3.11 -c requirements.lock -o requirements-dev.lock

clean: ## Remove what was built
	rm -rf $(VENV) bridge/target .demo dist build
