# make demo: set up, then resolve, vendor, verify, sign and build two boards from an embedded
# upstream. make test: set up, then pass the tests. Neither needs root.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python -B

.DEFAULT_GOAL := help

# What `make check-boot` builds (a folder of examples/), what it works in, and where files come from
# that Debian's archive does not have.
STAND_IN ?= stand-in
WORK ?= .check-boot
MIRROR ?= mirror
DEBIAN_MIRROR ?= auto
REBUILD ?= --rebuild
CHECKED = --project $(WORK)/project
CHECKED_FROM = --mirror $(WORK)/files --mirror $(MIRROR) --debian-mirror $(DEBIAN_MIRROR)
.PHONY: help demo test lint check check-boot fix bench requirements clean

help:                      ## show these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

demo: $(VENV)/.run         ## run the whole line on an embedded upstream: needs only Python, make, cc
	$(RUN) -m kutterlock demo

test: $(VENV)/.dev         ## run the tests; those of programs that are missing here are skipped
	$(RUN) -m pytest $(PYTEST_OPTIONS)

lint: $(VENV)/.dev         ## check format, style, types and layers
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

check: lint test           ## lint, then test

check-boot: $(VENV)/.dev   ## build examples/STAND_IN twice, boot it in QEMU: hours, with MIRROR=DIR that has Buildroot
	$(RUN) -m tests.support.stand_in $(WORK) $(STAND_IN)
	$(RUN) -m kutterlock resolve $(CHECKED) $(CHECKED_FROM)
	$(RUN) -m kutterlock vendor $(CHECKED) $(CHECKED_FROM)
	$(RUN) -m kutterlock build $(CHECKED) --offline --output $(WORK)/output $(REBUILD)
	$(RUN) -m kutterlock boot $(CHECKED) --output $(WORK)/output --board $(STAND_IN) --expect 'login:'
	KUTTER_TEST_BOOT=$(WORK)/output/$(STAND_IN)/files $(RUN) -m pytest -q -s -m boot $(PYTEST_OPTIONS)

fix: $(VENV)/.dev          ## format, and repair what the linter can repair
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: $(VENV)/.dev        ## print speed ratios against named peers
	@for file in bench/*.py; do case $$file in */harness.py|*/project.py) ;; *) $(RUN) $$file || exit 1;; esac; done

requirements:              ## renew the hash-pinned requirements (needs uv)
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header requirements/run.in -o requirements/run.txt
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header requirements/dev.in -o requirements/dev.txt

clean:                     ## remove what make made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage

$(VENV)/.run: requirements/run.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@
