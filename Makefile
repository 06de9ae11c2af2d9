# robot_fleet: `make` alone lists the targets. Every target that needs .venv makes it first.
# Another Python than python3: make PYTHON=/usr/bin/python3.12 setup

SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2
# Where bytecode is not kept, every process compiles its packages for seconds.
unexport PYTHONDONTWRITEBYTECODE
PURE := robot_fleet/floor robot_fleet/planning robot_fleet/fleet robot_fleet/control

.DEFAULT_GOAL := help
.PHONY: help setup check test proof nights stubs demo bench colcon clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /|/' | awk -F'|' '{ printf "  make %-8s %s\n", $$1, $$2 }'

setup: ## make .venv: pinned packages, ROS 2 Jazzy, interfaces (2 to 6 minutes once, then at once)
	@command -v $(PYTHON) >/dev/null || { \
		echo "setup: there is no $(PYTHON) here. robot_fleet needs Python 3.10 to 3.13." >&2; \
		echo "       On Debian or Ubuntu: sudo apt install python3 python3-venv python3-dev g++" >&2; exit 1; }
	@$(PYTHON) tools/setup_venv.py
	@$(BIN)/python tools/compile_loops.py

check: setup ## lint, format, types, import walls, protos, stubs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(PURE)
	$(BIN)/python -m pytest -q test/test_walls.py
	@if [ -d protos ]; then echo "$(BIN)/buf lint protos"; cd protos && ../$(BIN)/buf lint; else echo "no protos/ here: nothing to lint"; fi
	$(BIN)/python tools/protos.py --check

test: setup ## every test but the long proofs (10 to 35 minutes on two cores)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not proof"

proof: setup ## the long proofs
	$(BIN)/python -m pytest -m proof

nights: setup ## thousands of nights in which everything goes wrong (an hour)
	$(BIN)/python benchmarks/nights.py

stubs: setup ## write the gRPC stubs anew from protos/
	$(BIN)/python tools/protos.py

demo: setup ## clean a supermarket with three simulated robots, with a report at the end
	@$(BIN)/robot-fleet demo

bench: setup ## benchmark plans, ours and other planners', and write the table of docs/benchmarks.md (an hour or more)
	@$(BIN)/robot-fleet bench --write docs/benchmarks.md
	@$(BIN)/python benchmarks/scrubbers.py --write docs/benchmarks.md

colcon: setup ## build and test as a ROS 2 workspace does
	@$(BIN)/python tools/colcon_workspace.py

clean: ## remove .venv and what tools leave behind
	rm -rf .venv build install log .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
