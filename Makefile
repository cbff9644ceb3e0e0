# make run     start a hub with the call page and the built-in apps, and print links to open
# make test    every check: lint, types, vitest, pytest with the browser tests
# make soak    the simulations and the faults at length: SCHEDULES=20000, FAULTS=20000, or as many as you say
# make screenshots  every screen of the call page as a picture, into screenshots/
# make page    build the call page, the app SDK and the whiteboard into src/callmesh
# make wheel   build the page and a wheel with the page in it, into dist/
# make format  let ruff and eslint mend what they can
# make lock    choose anew the pinned versions in requirements-dev.txt and package-lock.json
# make clean   remove everything that was installed or built
#
# make run ARGS="--port 9000" and make test-python ARGS="-k state" pass arguments on.
# Parts of `make test`: lint, types, test-web, test-python.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test lint types test-web test-python soak screenshots page wheel format lock clean

# A stamp lives inside what it vouches for, so removing the folder removes the stamp.
VENV := .venv/.stamp
NODE := node_modules/.stamp
PAGE := src/callmesh/page/dist/sdk/app.js

# Folders count too: their times change when a file in them is removed.
PAGE_SOURCES := $(shell find web -name node_modules -prune -o -name tests -prune -o -print)
TSCONFIGS := $(wildcard web/*/tsconfig.json) benchmarks/tsconfig.json \
	$(addsuffix tsconfig.json,$(sort $(dir $(wildcard web/*/tests/*.test.ts web/*/tests/*.test.tsx))))

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

run: $(VENV) $(PAGE)
	@.venv/bin/callmesh serve --dev $(ARGS)

test: lint types test-web test-python

lint: $(VENV) $(NODE)
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	node_modules/.bin/eslint --max-warnings 0

types: $(VENV) $(NODE)
	.venv/bin/mypy
	@echo tsc $(TSCONFIGS)
	@printf '%s\n' $(TSCONFIGS) | xargs -P 2 -n 1 node_modules/.bin/tsc -p

test-web: $(NODE)
	node_modules/.bin/vitest run

test-python: $(VENV) $(PAGE)
	@tools/debian.sh "the browser tests" "$${CHROMIUM:-chromium}" chromium fonts-dejavu-core
	@tools/debian.sh "the tests of TURN" turnserver coturn
	.venv/bin/pytest --durations=15 -m "not browser" --numprocesses=2 --dist=loadfile $(ARGS) || test $$? -eq 5
	.venv/bin/pytest --durations=15 -m browser $(ARGS) || test $$? -eq 5

soak: SCHEDULES ?= 20000
soak: FAULTS ?= 20000
soak: $(VENV) $(NODE) $(PAGE)
	SCHEDULES=$(SCHEDULES) node_modules/.bin/vitest run web/core/tests/convergence.test.ts web/core/tests/gossip.test.ts --testTimeout=0
	SCHEDULES=$(SCHEDULES) .venv/bin/pytest --timeout=0 tests/test_convergence.py tests/test_gossip.py tests/test_differential.py tests/test_fuzz.py
	FAULTS=$(FAULTS) .venv/bin/pytest --timeout=0 -rP tests/test_reliability.py
	FILE_MEGABYTES=200 .venv/bin/pytest --timeout=0 -rP tests/browser/test_through_cuts.py

screenshots: $(VENV) $(PAGE)
	.venv/bin/python -m tests.browser.screenshots screenshots $(ARGS)

page: $(PAGE)

wheel: $(VENV) $(PAGE)
	.venv/bin/python -m pip wheel . --quiet --no-deps --no-build-isolation --wheel-dir dist
	@ls dist/*.whl

format: $(VENV) $(NODE)
	.venv/bin/ruff check --fix
	.venv/bin/ruff format
	node_modules/.bin/eslint --fix

lock:
	tools/lock.sh

clean:
	rm -rf .venv node_modules web/*/node_modules dist screenshots src/callmesh/page/dist src/callmesh/apps/whiteboard
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(VENV): requirements-dev.txt pyproject.toml tools/venv.sh tools/hatch_build.py
	@tools/venv.sh
	@touch $@

$(NODE): package.json package-lock.json $(wildcard web/*/package.json) tools/node.sh
	@tools/node.sh
	@touch $@

$(PAGE): $(NODE) tsconfig.base.json tools/notices.js tools/types.js $(PAGE_SOURCES)
	npm run --silent build
	@touch $@
