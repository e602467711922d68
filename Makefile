# Set-up happens by itself, in .venv, from constraints.txt; a second call finds it done.
#
#   make digest   the newsletter from the bundled dumps
#   make test     checks and tests (DIGEST_TEST_TOOLS=required: also PostgreSQL, builds, coverage, histories, mutations)
#   make check    the checks alone
#   make bench    measurements
#   make clean    removes everything but the store and the newsletter

VENV    := .venv
BIN     := $(VENV)/bin
WORKERS ?= 2
# The first of these that is Python 3.11 to 3.14; `make PYTHON=... digest` says which one to take.
PYTHON  ?= $(firstword $(foreach python,python3 python3.14 python3.13 python3.12 python3.11,\
	$(shell $(python) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null && echo $(python))))
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: digest test check bench clean
.DELETE_ON_ERROR:

digest: $(VENV)/.run
	@$(BIN)/digest replay seeds

# Coverage is measured where everything is demanded: it makes the suite half as long again.
test: check
	@echo "== tests"
ifeq ($(DIGEST_TEST_TOOLS),required)
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run -m pytest -q -n $(WORKERS) --dist worksteal
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report > $(VENV)/coverage.txt; status=$$?; \
		if [ $$status = 0 ]; then tail -n 1 $(VENV)/coverage.txt; else cat $(VENV)/coverage.txt; fi; exit $$status
	@echo "== a thousand histories"
	@$(BIN)/python -m tests.acceptance.histories 1000
	@echo "== mutations"
	@$(BIN)/python -m tests.mutate
else
	@$(BIN)/python -m pytest -q -n $(WORKERS)
endif

check: $(VENV)/.dev
	@echo "== ruff, mypy, import-linter"
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { $(BIN)/ruff format --check; exit 1; }
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports > $(VENV)/imports.txt || { cat $(VENV)/imports.txt; exit 1; }

bench: $(VENV)/.dev
	@$(BIN)/python bench/run.py

clean:
	rm -rf $(VENV) build dist htmlcov bench-out .coverage .coverage.* .hypothesis \
		.pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find digest tests -name __pycache__ -prune -exec rm -rf {} +

# A virtualenv without pip is a half-made one: Debian has it when python3-venv is missing.
$(BIN)/pip:
	@[ -n "$(PYTHON)" ] || { echo "no Python 3.11 to 3.14 found; say which one: make PYTHON=/path/to/python" >&2; exit 1; }
	@echo "== setting up $(VENV) with $$($(PYTHON) --version) (once)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.run: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "== installing what digest needs (once)"
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "== installing what the tests need (once)"
	@$(INSTALL) --editable ".[dev,postgres]"
	@touch $(VENV)/.run $@
