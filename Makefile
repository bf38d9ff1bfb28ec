# One target per job. `make` alone lists them.

PYTHON ?= $(shell command -v python3.11 || echo python3)
# Of these the environment may have a variable for something else, so only the command line counts.
# MACHINES=200 works on a local estate of that many machines, EXPERIENCE=modernized by an appliance.
MACHINES   =
EXPERIENCE = classic
# STACKS="staging prod" runs a target for each of them, AT_ONCE=3 for three at the same time.
STACKS   =
AT_ONCE  = 1
SELECTED =
# On real clouds Pulumi asks before it changes something, unless YES=1.
YES      =
# Options for the command of a target.
ARGS     =

STACK  ?= $(if $(MACHINES),local-$(MACHINES)$(patsubst %,-%,$(filter-out classic,$(EXPERIENCE))),dev)
# One more than there are processors: a test that waits for a process leaves its own to another one.
JOBS   ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

# These stacks are on the local clouds. Any other is on real ones, unless CLOUDS=local.
CLOUDS = $(if $(filter-out dev dev-modernized local-%,$(or $(STACKS),$(STACK))),real,local)

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS   += --no-print-directory
.DEFAULT_GOAL := help

venv   := .local/venv/bin
clouds := .local/clouds
# Test files in the order of tests/conftest.py, each on one worker.
pytest := $(venv)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder
# The Azure CLI pins hundreds of packages, so it has a virtual environment of its own.
azure_cli         := .local/azure-cli
AZURE_CLI_VERSION := 2.91.0
# Only the benchmarks draw, so their library is not in the lock either.
plot              := .local/plot
# Runs a command in the environment of the stack; see toolchain/environment.py.
run    := $(venv)/python -m toolchain.environment run $(if $(filter real,$(CLOUDS)),--real)
# Runs Pulumi and shows what it does, in the width of the terminal or in a log.
shown  := $(run) python -m toolchain.progress
# On local clouds Pulumi never asks before it changes something.
yes    := $(if $(filter local,$(CLOUDS))$(and $(YES),$(filter command,$(origin YES))),--yes)

# What a stack may declare: the policy pack, with the config of the team if there is one.
policies := --policy-pack policy $(if $(wildcard policies.json),--policy-pack-config policies.json)

page := .local/report/$(STACK).html

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {sub(/[$$][$$]/, "$$", $$2); printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  STACK=$(STACK) on $(CLOUDS) clouds"

.PHONY: setup
setup: ## Python packages, a Pulumi engine, the stand-in providers (skipped when nothing changed)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is not Python 3.11 or newer. Name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m toolchain.setup

.PHONY: clouds
clouds: setup ## Start the local clouds (AWS and Azure on loopback)
	@$(venv)/python -m emulator up --directory $(clouds) $(if $(MACHINES),--machines $(MACHINES))

.PHONY: stack
ifdef SELECTED
stack: setup
else
stack: setup $(if $(filter local,$(CLOUDS)),clouds)
	@$(if $(MACHINES),$(venv)/python -m toolchain.local_stack $(STACK) --experience $(EXPERIENCE),:)
	@$(run) pulumi stack select $(if $(filter local,$(CLOUDS)),--create) $(STACK)
	@$(if $(filter local,$(CLOUDS)),$(venv)/python -m toolchain.walk begin --stack $(STACK),:)
endif

.PHONY: status
status: setup ## Show where the machines of STACK, STACKS="a b" or STACKS=all are (ARGS: --watch, --json)
	@$(run) python -m report status $(if $(filter all,$(STACKS)),--all,$(addprefix --stack ,$(or $(STACKS),$(STACK)))) $(ARGS)

# A target of one stack runs as often as STACKS has names: toolchain/many.py.
ifneq ($(strip $(STACKS)),)
.PHONY: up preview plan report handover recover destroy permissions
up preview plan report handover recover destroy permissions: setup
	@$(venv)/python -m toolchain.many $@ $(STACKS) --at-once $(AT_ONCE)
else
.PHONY: up
up: stack ## Migrate the fleet of STACK as its config says, then show it
	@status=0; $(shown) up --stack $(STACK) $(yes) -- $(policies) $(ARGS) || status=$$?; \
		$(run) python -m report status --stack $(STACK) --page $(page) || true; exit $$status

.PHONY: preview
preview: stack ## Show what `make up` would do, machine by machine; changes nothing
	@$(shown) preview --stack $(STACK) -- $(policies) $(ARGS)

.PHONY: plan
plan: stack ## Preview STACK, and write it as Markdown and JSON for a pull request: .local/plan/
	@$(run) python -m report.plan --stack $(STACK) --output .local/plan -- $(policies)

.PHONY: report
report: setup ## Write a page of STACK: waves, operations, what is blocked, cost (PRICES=<file>)
	@$(run) python -m report page --stack $(STACK) --output $(page) $(if $(PRICES),--prices $(PRICES))

.PHONY: handover
handover: setup ## Write what STACK migrated as code (ARGS: --networks, --terraform)
	@$(run) python -m handover --stack $(STACK) --output .local/handover/$(STACK) $(ARGS)

.PHONY: recover
recover: stack ## Take what an interrupted run of STACK made into its record
	@$(run) python -m recover --stack $(STACK) $(yes)

.PHONY: destroy
destroy: stack ## Remove everything that STACK made, except the Azure VMs of migrated machines
	@$(run) python -m report.kept --stack $(STACK) --output .local/migrated/$(STACK).json
	@$(shown) destroy --stack $(STACK) $(yes) -- $(ARGS)

.PHONY: permissions
permissions: setup ## Write the AWS policies and Azure roles that STACK needs (ACCOUNT=<id> narrows them)
	@$(venv)/python -m permissions --stack $(STACK) --account '$(or $(ACCOUNT),*)'
endif

.PHONY: inventory
inventory: setup ## Write stack files for the machines of an account: ARGS="--region eu-west-1 --profile NAME"
	@$(venv)/python -m inventory $(ARGS)

.PHONY: down
down: ## Stop the local clouds, remove their files and the local stacks' state, put phases back
	@status=0; if [ -x $(venv)/python ]; then \
		$(venv)/python -m toolchain.walk end || status=$$?; \
		$(venv)/python -m emulator down --directory $(clouds) --remove; \
	fi; \
	rm -rf .local/state; exit $$status

.PHONY: env
env: ## Print the environment of STACK's commands, for: eval "$$(make env)"
	@$(MAKE) setup >&2
	@$(venv)/python -m toolchain.environment export $(if $(filter real,$(CLOUDS)),--real)

.PHONY: format
format: setup ## Format the code
	$(venv)/ruff format
	$(venv)/ruff check --fix

.PHONY: lint
lint: setup ## Check format, lint rules, types and import layers
	$(venv)/ruff format --check
	$(venv)/ruff check
	$(venv)/mypy
	$(venv)/lint-imports

.PHONY: test
test: lint ## Run every check and every test
	$(pytest)

.PHONY: test-unit
test-unit: setup ## Run the tests that need no Pulumi engine
	$(pytest) -m "not engine"

.PHONY: test-engine
test-engine: setup ## Run the tests on the real Pulumi engine, all of them in both experiences
	EXPERIENCES=both $(pytest) -m engine

.PHONY: test-az
test-az: setup $(azure_cli)/bin/az ## Drive the emulator with the Azure CLI (installs it: 700 MB, minutes)
	AZURE_CLI=$(azure_cli)/bin/az $(venv)/pytest -m azure_cli tests/azure_cli

$(azure_cli)/bin/az:
	$(PYTHON) -m venv $(azure_cli)
	$(azure_cli)/bin/pip install --quiet azure-cli==$(AZURE_CLI_VERSION)

.PHONY: fuzz
fuzz: setup ## Send the emulator more nonsense, kill it and cut cutovers more often than the tests do
	FUZZ_EXAMPLES=20000 FUZZ_KILLS=100 COMBINATIONS=all $(venv)/pytest -n $(JOBS) \
		tests/emulator/test_nonsense.py tests/emulator/test_a_killed_emulator.py \
		tests/emulator/agreement tests/convergence/test_a_preview_is_what_up_does.py \
		tests/convergence/test_every_cut_of_a_cutover.py

.PHONY: faults
faults: setup ## Try thousands of faults on every step of a migration (PLAN=<name> tries one again)
	$(venv)/python -m tests.faults --jobs $(JOBS) $(if $(PLAN),--plan '$(PLAN)')

.PHONY: kills
kills: setup ## Kill the engine, its processes and Azure at moments that seeds choose, some 40 times
	$(venv)/python -m tests.engine.kills --seeds 1 2 3 4 5 6 7 8 --kills 6

.PHONY: bench
bench: setup $(plot)/bin/python ## Measure migrations in service time, and the emulator (ARGS=--full: 1,000 machines)
	$(venv)/python -m benchmarks $(ARGS)
	$(venv)/python -m benchmarks.observation
	$(plot)/bin/python -m benchmarks.plot

$(plot)/bin/python: benchmarks/requirements.txt
	$(PYTHON) -m venv $(plot)
	$(plot)/bin/pip install --quiet --requirement $<
	@touch $@

.PHONY: bench-cutover
bench-cutover: setup $(plot)/bin/python ## Cut 1,000 machines over in each mode, and count the records that are lost
	$(venv)/python -m benchmarks.cutover $(ARGS)
	$(plot)/bin/python -m benchmarks.plot_cutover

.PHONY: bench-commands
bench-commands: setup ## Measure what a pulumi command costs, compared with a bare program (minutes)
	$(venv)/python -m benchmarks.commands

.PHONY: docs
docs: setup ## Write the tables of docs/configuration.md from the settings models
	@$(venv)/python -m documentation

.PHONY: lock
lock: setup ## Write requirements.lock from requirements.txt
	$(venv)/uv pip compile --quiet --no-annotate --custom-compile-command 'make lock' \
		--output-file requirements.lock requirements.txt

.PHONY: clean
clean: down ## Remove everything generated, except the engine
	@find .local -mindepth 1 -maxdepth 1 ! -name engine ! -name engine.json -exec rm -rf {} + 2>/dev/null || true
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -path ./.local -prune -o -name __pycache__ -type d -exec rm -rf {} +
