# Each target makes .venv itself; nothing else needs to be installed but Python 3.11+.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint format bench recipes model clean

demo: .venv/installed
	$(BIN)/mlxr demo

test: lint
	$(BIN)/pytest -q -n auto --dist loadfile --no-loadscope-reorder

lint: .venv/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/tested
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/tested
	$(BIN)/python tests/bench/startup.py
	$(BIN)/python tests/bench/prep_speed.py --count 20000
	$(BIN)/python tests/bench/training.py
	$(BIN)/python tests/bench/plan_ratios.py
	$(BIN)/python tests/bench/calibration.py
	$(BIN)/python tests/bench/report_speed.py
	$(BIN)/python tests/bench/generation.py

# Every twin of recipes/demo from prep to verdict, beside a control that must not improve.
recipes: .venv/installed
	$(BIN)/python data/demo/twins.py

# Rebuild the demo's data and its model (see data/demo/model/README.md for how long it takes).
model: .venv/tested
	$(BIN)/python data/demo/make_calendar.py
	$(BIN)/python data/demo/make_model.py --ranks 2

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "mlxr needs Python 3.11 or newer; try: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/tested: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch .venv/installed $@

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache
