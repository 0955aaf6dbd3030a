# make demo   a small study on built-in data, offline: tables, figures, appendix.md
# make check  lint, types, import rules and the fast tests, in under a minute
# make test   the same with all tests but the exhaustive ones
# make test-all  really all tests
# make site   the documentation as a site in site/
# make bench  what is claimed about speed and memory, measured: bench.md; about 90 minutes on two
#             cores, most of it the zoo, the frozen prefix and the start
# make simulations  what docs/statistics.md says about errors and power: simulations.md
# All make the environment first; nothing but Python 3.11 to 3.13 and make is needed.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= demo

.PHONY: demo check test test-all bench simulations lint format docs site clean

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: $(VENV)/installed
	$(BIN)/cifarkit study quick --runs $(DEMO)/runs
	cd $(DEMO) && ../$(BIN)/cifarkit report --figures figures > appendix.md
	cd $(DEMO) && ../$(BIN)/cifarkit report --format html > appendix.html
	@echo "The study is written up in $(DEMO)/appendix.md and $(DEMO)/appendix.html,"
	@echo "its figures are in $(DEMO)/figures, its trials in $(DEMO)/runs."

# Tests that neither import TensorFlow nor start processes, but for a few.
FAST_TESTS := tests/test_specs.py tests/test_parity.py tests/test_docs.py tests/test_locking.py tests/evaluation \
	tests/studies/test_planning.py tests/store/test_store.py tests/reporting/test_conclusions.py \
	tests/reporting/test_document.py tests/reporting/test_formatting.py tests/reporting/test_kinds.py

check: lint
	$(BIN)/python -m pytest -m 'not slow and not exhaustive' $(FAST_TESTS)

test: lint
	$(BIN)/python -m pytest

# A later -m replaces the one in pyproject.toml.
test-all: export CIFARKIT_TEST_FUZZ = 200
test-all: export CIFARKIT_TEST_KILLS = 8
test-all: lint
	$(BIN)/python -m pytest -m ''

bench: PROGRAMS := augmentation startup frozen_prefix memory report_scaling zoo curves batchnorm serving
simulations: PROGRAMS := comparison_rules sequential_seeds choice variance_components metric_intervals

bench simulations: $(VENV)/installed
	@rm -f $@.md
	@for name in $(PROGRAMS); do \
		$(BIN)/python -m benchmarks.$$name >> $@.md || exit 1; \
	done
	@cat $@.md

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/installed
	$(BIN)/typer cifarkit.cli.app utils docs --name cifarkit --output docs/reference.md

site: docs
	$(BIN)/python -m mkdocs build --strict

clean:
	rm -rf $(VENV) $(DEMO) build dist site *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
