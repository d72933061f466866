# Ostler: everything a newcomer types. Each verb sets up what it needs.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DATA   ?= var/server
PORT   ?= 8443
N      ?= 3
SEEDS  ?= 500
ROUNDS ?= 20
T      ?= tests
JOBS   ?= auto

.PHONY: help demo test check run fleet simulate kill bench shapes docs lock clean
.DEFAULT_GOAL := help

help: ## what you can type here
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/runtime ## a server, three agents, one command on all of them: see it work in a minute
	@$(BIN)/python tools/demo.py

test: $(VENV)/dev $(VENV)/awscli postgresql nats rpm curl ## all tests, on SQLite and PostgreSQL (T=tests/wire for some, JOBS=0 one by one)
	@$(BIN)/python -m pytest -n $(JOBS) --maxprocesses 4 --dist loadfile $(T)

check: $(VENV)/dev ## style, types, import contracts, generated files
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy src/ostler
	@$(BIN)/lint-imports
	@$(BIN)/python tools/shapes.py --check
	@$(BIN)/python tools/docs.py --check
	@$(BIN)/python -m pytest tests/architecture

run: $(VENV)/runtime ## start a server and leave it running (DATA=folder PORT=8443)
	@$(BIN)/ostler-server --data $(DATA) --port $(PORT)

fleet: $(VENV)/runtime ## N nodes for the server of `make run`: few are real agents, many are simulated (N=500)
	@$(BIN)/python tools/fleet.py --data $(DATA) --count $(N)

simulate: $(VENV)/dev ## live through seeds of the simulation; one that fails is printed (SEEDS=500)
	@$(BIN)/python tools/simulate.py --seeds $(SEEDS)

kill: $(VENV)/dev postgresql ## kill servers, agents and databases while commands run (ROUNDS=20)
	@$(BIN)/python tools/kill.py --rounds $(ROUNDS)

bench: $(VENV)/dev ## what the hot paths cost, beside their peers
	@for each in bench/*.py; do $(BIN)/python $$each || exit 1; done

shapes: $(VENV)/dev ## write the generated types of the API
	@$(BIN)/python tools/shapes.py

docs: $(VENV)/dev ## write the generated parts of the documentation
	@$(BIN)/python tools/docs.py

lock: $(VENV)/dev ## resolve the dependencies anew and lock them with hashes
	@tools/lock.sh

clean: ## remove what the verbs above made, but not your data
	@rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/runtime: pyproject.toml requirements/runtime.txt
	@PYTHON=$(PYTHON) tools/setup.sh runtime

$(VENV)/dev: pyproject.toml requirements/dev.txt
	@PYTHON=$(PYTHON) tools/setup.sh dev

$(VENV)/awscli: requirements/awscli.txt
	@PYTHON=$(PYTHON) tools/setup.sh awscli

.PHONY: postgresql nats rpm curl
postgresql nats rpm curl:
	@tools/setup.sh $@
