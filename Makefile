# SPDX-License-Identifier: Apache-2.0
# Needs Python 3.11 or later with venv; everything else is installed by the targets, once.

PYTHON3 ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Processes that run tests. Those that start programs wait for them half of the time; one more than cores keeps all busy.
CONCURRENCY ?= 3

# Hundreds of processes start in a run of the tests. Without compiled modules on the disk each compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

# An installation is current as long as the files that it was made from are unchanged: then no network is needed.
hash = $(shell cat $(1) | sha256sum | cut -c 1-12)
RUNTIME := $(VENV)/.runtime-$(call hash,constraints.txt pyproject.toml requirements.txt setup.cfg)
TESTING := $(VENV)/.testing-$(call hash,constraints.txt pyproject.toml requirements.txt setup.cfg test-requirements.txt)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# In a virtual environment of its own, with a file of constraints; test_packaging and test_samples are about another's versions.
define unit_tests_on
	$(PYTHON3) -m venv $(VENV)/$(1)
	$(VENV)/$(1)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(2) \
		--requirement requirements.txt --requirement test-requirements.txt --editable .
	$(VENV)/$(1)/bin/python -m tests.run --concurrency $(CONCURRENCY) '^tests\.unit\.(?!test_(packaging|samples))'
endef

.DEFAULT_GOAL := help
.PHONY: help run test lowest chaos lint format packages samples lock bench docs clean

help: ## Show the targets
	@sed -n "s/^\([a-z]*\):.*## /\1\t/p" $(MAKEFILE_LIST) | expand -t 12

run: $(RUNTIME) ## Start Valence and a simulated pod on 127.0.0.1:8181
	@exec $(BIN)/valence-all-in-one --demo

test: lint packages ## Check the code, then run all tests on real servers
	@$(BIN)/python -m tests.servers -- $(BIN)/python -m tests.run --concurrency $(CONCURRENCY)

lowest: $(TESTING) ## Run the unit tests on the oldest versions that are allowed, then on those of OpenStack
	@sed -n "s/\[.*\]//; s/>=/==/p" requirements.txt > $(VENV)/lowest.txt  # constraints name no extras
	$(call unit_tests_on,lowest,$(VENV)/lowest.txt)
	$(call unit_tests_on,openstack,tests/data/openstack/upper-constraints.txt)

chaos: $(TESTING) packages ## Break conductors, broker and database at random, and see that nothing is lost
	@$(BIN)/python -m testtools.run tests.functional.chaos.scenario tests.functional.chaos.kills

lint: $(TESTING) ## Check format, style and types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/flake8 valence tests setup.py
	$(BIN)/mypy

format: $(TESTING) ## Format the code and sort the imports
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

packages: $(TESTING)
	@missing=$$($(BIN)/bindep --brief test) || tests/servers/install.sh $$missing

samples: $(TESTING) ## Generate the sample configuration and policy
	$(BIN)/oslo-config-generator --config-file etc/valence/config-generator.conf
	$(BIN)/oslopolicy-sample-generator --config-file etc/valence/policy-generator.conf

lock: $(TESTING) ## Write requirements.lock: the tested versions with the hashes of their archives
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.5"
	@sed -n "/^#/p;/^[^#]/q" requirements.lock > $(VENV)/requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--constraints constraints.txt requirements.txt >> $(VENV)/requirements.lock
	@mv $(VENV)/requirements.lock requirements.lock

bench: $(TESTING) packages ## Measure speed and memory on real servers
	$(BIN)/python -m tests.bench

docs: $(TESTING) ## Build the documentation
	$(BIN)/sphinx-build -W -q -b html doc/source doc/build/html
	$(BIN)/sphinx-build -W -q -b man doc/source doc/build/man
	@echo "doc/build/html/index.html doc/build/man"

clean: ## Remove what the targets made, the virtual environment too
	rm -rf $(VENV) .stestr .mypy_cache .ruff_cache .hypothesis doc/build build dist *.egg-info

$(BIN)/python:
	$(PYTHON3) -m venv $(VENV)

# A build leaves the metadata of its day beside the code, where programs that start here would find it first.
$(RUNTIME): | $(BIN)/python
	$(PIP) --requirement requirements.txt --editable .
	@rm -rf *.egg-info
	@touch $@

$(TESTING): | $(BIN)/python
	$(PIP) --no-compile --requirement requirements.txt --requirement test-requirements.txt --editable .
	@rm -rf *.egg-info
	@touch $@ $(RUNTIME)
