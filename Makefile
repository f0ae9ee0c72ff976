# Two commands from a bare machine with Python >= 3.11: `make run` and `make test`. Plain `make` lists the rest.

PYTHON ?= python3
BIN := .venv/bin
RUNTIME := .venv/.runtime-installed
DEV := .venv/.dev-installed
SET_UP := packaging/set_up packaging/uv.txt packaging/kuttab

SEEDS ?= 20000
SEED0 ?= 7

.DEFAULT_GOAL := help
.PHONY: help run test check format simulate schemas bench lock wheel clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Each stamp is younger than the files it was installed from, so a second call installs nothing.
$(RUNTIME): requirements.txt $(SET_UP)
	@PYTHON=$(PYTHON) packaging/set_up requirements.txt
	@touch $@

$(DEV): requirements.txt requirements-dev.txt $(SET_UP)
	@PYTHON=$(PYTHON) packaging/set_up requirements.txt requirements-dev.txt
	@touch $(RUNTIME) $@

run: $(RUNTIME) ## tune the digits example to its end in this process
	$(BIN)/kuttab run examples/digits.yaml --replace

test: $(DEV) ## run every test
	$(BIN)/pytest tests -n 2

check: $(DEV) ## format, lint, types, layers and the fast tests
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest tests/unit tests/architecture -q -n 2 -m "not slow"

format: $(DEV) ## format the code and apply the linter's safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

simulate: $(DEV) ## run SEEDS simulated histories from seed SEED0 on
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --seed0 $(SEED0)

schemas: $(RUNTIME) ## write events/schemas anew from the event classes
	$(BIN)/python -m events.schemas

bench: ## list the benchmarks
	@for file in benchmarks/*.py; do \
	    [ -e "$$file" ] && printf '%s -m %s  %s\n' $(BIN)/python "$$(echo "$${file%.py}" | tr / .)" "$$(head -n 1 "$$file")"; \
	done; true

# Names, versions and hashes only, for every platform: no header, no annotations, no address.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
    --generate-hashes --no-emit-index-url --no-header --no-annotate $(LOCK_FLAGS)

lock: export PATH := $(CURDIR)/$(BIN):$(PATH)
lock: $(RUNTIME) ## compile the requirement files anew (LOCK_FLAGS=--upgrade for newer versions)
	$(COMPILE) pyproject.toml --extra runner -o requirements.txt
	$(COMPILE) --group pyproject.toml:dev -c requirements.txt -o requirements-dev.txt
	echo uv | $(COMPILE) - -o packaging/uv.txt

wheel: $(DEV) ## build dist/kuttab-*.whl
	$(BIN)/python -m build --no-isolation --wheel --outdir dist .

clean: ## remove what make and the tools have made, but not .kuttab
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
