# Two commands do everything on a fresh clone: `make run` and `make test`. They need Python >= 3.11 with venv, and make.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: run test slow check duplicates docs reference bench fuzz long clean

run: $(VENV)/ready ## the main job, on the data set in this folder
	$(BIN)/streamsig run --input data.csv --config config.yaml --output metrics.json --log-file run.log

test: check ## linters, types and all tests but the slow ones; within four minutes on two cores
	$(BIN)/python -m pytest -n auto -m "not slow"

slow: $(VENV)/dev ## the tests that take several seconds each: memory of long runs, kills, failing disks
	$(BIN)/python -m pytest -n auto -m slow

check: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

duplicates: $(VENV)/dev ## code that was copied: six lines that are the same in two places
	$(BIN)/pylint --disable=all --enable=duplicate-code --min-similarity-lines=6 streamsig

docs: $(VENV)/docs ## the pages as a site in site/; a link that leads nowhere fails
	$(BIN)/zensical build --strict

reference: $(VENV)/ready ## the generated parts of docs/reference, written again from the code
	$(BIN)/python -m tools.reference

long: $(VENV)/dev ## the tests with many more examples
	$(BIN)/python -m pytest -n auto --hypothesis-profile=long

SECONDS ?= 300
TARGETS = detection cutter reader kernels doors keys signals groups
GUARDED = kernels doors keys signals groups
fuzz: $(VENV)/fuzz ## bytes that break a law, SECONDS (300) for each target; what is learnt goes to fuzz/learnt
	for target in $(TARGETS); do $(BIN)/python -m fuzz $$target $(SECONDS) || exit 1; done
	$(BIN)/python fuzz/sanitize.py
	for target in $(GUARDED); do $(BIN)/python -m fuzz replay $$target sanitized || exit 1; done

bench: $(VENV)/bench ## against pandas, polars, DuckDB and Miller; ten minutes, 3 GB in the temporary folder
	$(BIN)/python -m benchmarks.run

$(VENV)/pip:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "streamsig needs Python >= 3.11: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	touch $@

$(VENV)/ready: $(VENV)/pip pyproject.toml hatch_build.py $(wildcard streamsig/native/*.[ch])
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/dev: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

$(VENV)/docs: $(VENV)/pip pyproject.toml
	$(BIN)/python -m pip install --quiet --group docs
	touch $@

$(VENV)/fuzz: $(VENV)/dev
	$(BIN)/python -m pip install --quiet --group fuzz
	touch $@

$(VENV)/bench: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --group bench
	touch $@

clean:
	rm -rf $(VENV) site .cache streamsig/native/*.so metrics.json run.log .pytest_cache .mypy_cache .ruff_cache .hypothesis
