# The commands of this project. `make` alone lists them; each one sets .venv up first where that is needed.
# Paths are relative throughout, so that a directory with a blank in its name is as good as any other.

.DEFAULT_GOAL := help
.PHONY: help setup run test check format lint types imports house bench sim lock clean
SHELL := /bin/sh

help: ## this list
	@echo "seatkeeper: open license management. Targets:"
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'
	@echo
	@echo "On a fresh machine with Python 3.11, git and make, 'make run' and 'make test' need nothing else."

setup: ## build .venv with the pinned packages, where it is missing or out of date
	@sh requirements/setup.sh

run: setup ## the whole system on this machine, from order to lmstat; Ctrl-C stops it
	@exec .venv/bin/seatkeeper demo

# So many processes run the tests side by side: two cores are busy with three, since many tests wait. Empty, an environment's wish
# for no compiled files is none: thousands of the processes that the tests start would compile what they import.
TESTS := PYTHONDONTWRITEBYTECODE= .venv/bin/python -m pytest -q -n 3 --dist worksteal

test: setup ## run all tests (PYTEST_ARGS="-k words" picks some, "-n 0" takes one process)
	@sh requirements/setup.sh openssl systemd gcc libc6-dev postgresql softhsm2 fonts-wqy-microhei default-jre-headless
	@echo "Running all tests."
	@$(TESTS) $(PYTEST_ARGS)

check: format lint types imports house ## form, lint, types, direction of imports, tidiness (make -k check goes on after a fault)
	@echo "All checks passed."

format: setup
	@echo "Checking that the code is formatted (ruff format)."
	@.venv/bin/ruff format --check .

lint: setup
	@echo "Checking for mistakes and style (ruff check)."
	@.venv/bin/ruff check .

types: setup
	@echo "Checking types (mypy --strict)."
	@.venv/bin/mypy

imports: setup
	@echo "Checking the direction of imports (.importlinter)."
	@.venv/bin/lint-imports --no-cache >.venv/lint-imports.log 2>&1 || { cat .venv/lint-imports.log; exit 1; }

house: setup
	@echo "Checking the tidiness of the house (tests/test_house.py)."
	@.venv/bin/python -m pytest -q -p no:cacheprovider tests/test_house.py

bench: setup ## measure, as ratios within one run; a table, and JSON in bench/results (BENCH_ARGS=--quick)
	@sh requirements/setup.sh gcc libc6-dev libssl-dev redis-server
	@.venv/bin/python bench/run.py $(BENCH_ARGS)

SEEDS := 100
FIRST := 0
sim: setup ## three servers in simulated trouble, as many seeds as SEEDS says from FIRST on (BUG=name plants a bug)
	@.venv/bin/python tests/sim/seeds.py $(SEEDS) $(FIRST) $(BUG)

lock: setup ## pin the newest allowed packages anew, with their hashes (needs the network)
	@sh requirements/lock.sh

clean: ## remove all that the other targets made, .venv too
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache bench/build bench/results
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
