# Everything a developer needs. `make check` is what CI runs.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.dev-installed
PYTHON ?= python3

.PHONY: help setup check lint format test demo bench package clean

help:  ## list these targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

setup: $(STAMP)  ## make .venv with the tool, the sandbox and the developer tools

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing the tool and its developer tools into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[lambda,sandbox]' --group dev
	@touch $(STAMP)

check: lint test  ## all that CI runs

lint: $(STAMP)  ## ruff, mypy strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)  ## let ruff write the layout
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: $(STAMP)  ## the tests on every core, with branch coverage
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder --cov --cov-report=term

demo: $(STAMP)  ## the main job in the embedded sandbox
	./ccoe-customer-contact-manager sandbox demo

bench: $(STAMP)  ## the fan-out against a boto3 program (a minute or two)
	$(BIN)/python bench/fan_out.py

package: $(STAMP)  ## dist/lambda.zip for AWS Lambda; CONFIG=config.json goes into it, with its templates
	$(BIN)/python deploy/package.py $(if $(CONFIG),--config "$(CONFIG)") $(if $(CONSTRAINT),--constraint "$(CONSTRAINT)")

clean:  ## remove .venv and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage .coverage.* dist
