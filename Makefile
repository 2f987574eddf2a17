# `make demo` and `make test` set up what they need; nothing else has to be run first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test test-slow test-images test-cluster test-unit test-compiled check format lint types shape bench bench-activator bench-autoscaler clean help

help: ## show the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Inflight needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(STAMP) ## iris on a real model server: 0 pods, first request held, out under load, back to 0
	$(BIN)/python -m loadtest demo $(DEMO_ARGS)

# Where CI=true, a test that fails is run a second time, and the summary names it when it passes then.
RERUNS := $(if $(filter true,$(CI)),--reruns 1 --reruns-delay 5)

# Tests with real processes wait most of their time, so four at once suit two cores as well as eight.
TEST_WORKERS ?= 4

test: $(STAMP) ## all tests but the slow ones, real processes included
	$(BIN)/python -m pytest -m 'not slow and not images and not cluster' -n $(TEST_WORKERS) --dist worksteal $(RERUNS)

test-slow: $(STAMP) ## the slow tests: gigabytes, many deletions, the demo
	$(BIN)/python -m pytest -m slow

test-images: $(STAMP) ## build the images with docker or podman, and run them
	$(BIN)/python -m pytest -m images tests/images

test-cluster: $(STAMP) ## install the chart on the cluster of KUBECONFIG and try everything there
	$(BIN)/python -m pytest -m cluster tests/cluster

test-unit: $(STAMP) ## the tests without real processes
	$(BIN)/python -m pytest -m 'not integration and not slow and not images and not cluster' -n $(TEST_WORKERS)

COMPILED := build/compiled

test-compiled: $(STAMP) ## tests of engine and sidecar on the hot path compiled by mypyc
	rm -rf $(COMPILED)
	mkdir -p $(COMPILED)/source $(COMPILED)/run
	git archive HEAD | tar -x -C $(COMPILED)/source
	HATCH_BUILD_HOOK_ENABLE_MYPYC=1 $(BIN)/pip install --quiet --disable-pip-version-check \
	    --no-deps --target $(COMPILED)/site $(COMPILED)/source
	cp -r tests pyproject.toml $(COMPILED)/run
	cd $(COMPILED)/run && PYTHONPATH=../site ../../../$(BIN)/python -P -m pytest -q \
	    tests/servingkit tests/queueproxy

check: $(STAMP) lint types shape test ## all that CI checks

format: $(STAMP) ## format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(STAMP) ## formatter and linter
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP) ## mypy, strict
	$(BIN)/mypy .

bench: $(STAMP) ## speed beside nginx, HAProxy, Go and aiohttp (needs wrk and nginx)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python -m loadtest.bench --docs docs $(BENCH_ARGS)

bench-activator: $(STAMP) ## the activator: ten thousand held requests, cold starts, fairness, spread
	$(BIN)/python -m loadtest.bench_activator --docs docs $(BENCH_ARGS)

bench-autoscaler: $(STAMP) ## what thousands of revisions cost the autoscaler (six minutes)
	$(BIN)/python -m loadtest.bench_autoscaler --docs docs $(BENCH_ARGS)

shape: $(STAMP) ## imports point down
	$(BIN)/lint-imports

clean: ## remove the environment and what was built
	rm -rf $(VENV) build dist out *.egg-info
