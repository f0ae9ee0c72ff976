# Two commands from a bare machine with Python >= 3.11: `make run` and `make test`. Plain `make` lists the rest.

PYTHON ?= python3
BIN := .venv/bin
RUNTIME := .venv/.runtime-installed
DEV := .venv/.dev-installed
SET_UP := packaging/set_up packaging/uv.txt packaging/kuttab
SAM := .venv-sam/.installed
PEERS := .venv-search/.installed
NAS := .venv-nas/.installed
LAMBDA := infra/deploy/lambda

SEEDS ?= 20000
SEED0 ?= 7

.DEFAULT_GOAL := help
.PHONY: help run test check deploy-check packages format simulate schemas bench peers nas-examples lock wheel clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Each stamp is younger than the files it was installed from, so a second call installs nothing.
$(RUNTIME): requirements.txt $(SET_UP)
	@PYTHON=$(PYTHON) packaging/set_up requirements.txt
	@touch $@

$(DEV): requirements.txt requirements-dev.txt $(SET_UP)
	@PYTHON=$(PYTHON) packaging/set_up requirements.txt requirements-dev.txt
	@touch $(RUNTIME) $@

# aws-sam-cli has many pins, so it lives apart; uv beside it is what the layers are built with.
$(SAM): packaging/sam.txt $(RUNTIME)
	@PATH="$$PATH:$(CURDIR)/$(BIN)"; uv venv --quiet --allow-existing --python $(BIN)/python .venv-sam
	@PATH="$$PATH:$(CURDIR)/$(BIN)"; VIRTUAL_ENV=$(CURDIR)/.venv-sam uv pip install --quiet --require-hashes -r packaging/sam.txt
	@touch $@

# The searches that benchmarks.search compares with have pins of their own, so they live apart, beside what Kuttab needs.
$(PEERS): benchmarks/requirements-search.txt requirements.txt $(RUNTIME)
	@PATH="$$PATH:$(CURDIR)/$(BIN)"; uv venv --quiet --allow-existing --python $(BIN)/python .venv-search
	@PATH="$$PATH:$(CURDIR)/$(BIN)"; export VIRTUAL_ENV=$(CURDIR)/.venv-search; \
	    uv pip install --quiet --require-hashes -r requirements.txt && uv pip install --quiet -r benchmarks/requirements-search.txt
	@touch $@

# torch is 750 MB, and only the Workers of examples/nas need it; it stays out of the environment that Kuttab runs in.
$(NAS): examples/nas/requirements.txt
	@$(PYTHON) -m venv .venv-nas
	@.venv-nas/bin/pip install --quiet --disable-pip-version-check -r examples/nas/requirements.txt
	@touch $@

run: $(RUNTIME) ## tune the digits example to its end in this process
	$(BIN)/kuttab run examples/digits.yaml --replace

test: $(DEV) $(SAM) ## run every test
	$(BIN)/pytest tests -n 2

check: $(DEV) ## format, lint, types, layers and the fast tests
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest tests/unit tests/architecture -q -n 2 -m "not slow"

deploy-check: $(DEV) $(SAM) ## everything of a deployment to AWS that needs no account: validate, lint, build, sizes, boot
	$(BIN)/pytest tests/aws -q -s

packages: $(DEV) $(SAM) ## build the functions and print how large they are and how long they import
	@$(BIN)/python -m tests.aws.packages

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

peers: $(PEERS) ## install the searches that benchmarks.search compares with

nas-examples: $(NAS) $(RUNTIME) ## search networks with ENAS and with DARTS to their ends
	$(BIN)/kuttab run examples/nas/enas.yaml --replace
	$(BIN)/kuttab run examples/nas/darts.yaml --replace

# Names, versions and hashes only, for every platform: no header, no annotations, no address.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
    --generate-hashes --no-emit-index-url --no-header --no-annotate $(LOCK_FLAGS)

# Versions that have wheels for the glibc of Lambda's python3.11; where there is the choice, those of requirements.txt.
COMPILE_LAMBDA := uv pip compile --quiet --python-version 3.11 --python-platform x86_64-manylinux_2_17 \
    --only-binary :all: --generate-hashes --no-emit-index-url --no-header --no-annotate $(LOCK_FLAGS)
# What Optuna asks for and the functions' layer holds already.
SHARED := alembic greenlet mako markupsafe sqlalchemy typing-extensions

lock: export PATH := $(CURDIR)/$(BIN):$(PATH)
lock: $(RUNTIME) ## compile the requirement files anew (LOCK_FLAGS=--upgrade for newer versions)
	$(COMPILE) pyproject.toml --extra runner -o requirements.txt
	$(COMPILE) --group pyproject.toml:dev -c requirements.txt -o requirements-dev.txt
	echo uv | $(COMPILE) - -o packaging/uv.txt
	printf 'aws-sam-cli\nuv\n' | $(COMPILE) - -o packaging/sam.txt
	cp requirements.txt $(LAMBDA)/functions.txt
	$(COMPILE_LAMBDA) --group pyproject.toml:lambda -o $(LAMBDA)/functions.txt
	cp requirements.txt $(LAMBDA)/search.txt
	$(COMPILE_LAMBDA) --group pyproject.toml:lambda-search $(SHARED:%=--no-emit-package %) -o $(LAMBDA)/search.txt
	cp requirements.txt $(LAMBDA)/kubernetes.txt
	$(COMPILE_LAMBDA) --group pyproject.toml:lambda-kubernetes $(SHARED:%=--no-emit-package %) -o $(LAMBDA)/kubernetes.txt

wheel: $(DEV) ## build dist/kuttab-*.whl
	$(BIN)/python -m build --no-isolation --wheel --outdir dist .

clean: ## remove what make and the tools have made, but not .kuttab
	rm -rf .venv .venv-sam .venv-search .venv-nas .aws-sam dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
