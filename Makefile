# The two commands of the README are `make demo` and `make test`. Each sets up what it needs by itself.

PYTHON := .venv/bin/python
MODEL ?=
ONCE ?=

.PHONY: help demo test setup check bench clean

help:
	@echo "make demo            start example legacy systems, the gateway and a chat page on this machine"
	@echo "make demo MODEL=local   the same with a language model on this machine (1.1 GB, fetched once)"
	@echo "make test            run the tests"
	@echo "make check           formatting, lint, types, layers, tests: the whole gate"
	@echo "make bench           what the gateway costs, next to peers"
	@echo "make setup           install into .venv"

setup: .venv/drawbar-dev

.venv/drawbar: tools/setup.sh requirements.lock pyproject.toml
	@sh tools/setup.sh run

.venv/drawbar-dev: tools/setup.sh requirements.lock requirements-dev.lock pyproject.toml
	@sh tools/setup.sh dev

demo: .venv/drawbar
ifeq ($(MODEL),local)
	@sh tools/setup.sh local
	@$(PYTHON) -m drawbar model pull
endif
	@$(PYTHON) -m drawbar demo $(if $(MODEL),--model $(MODEL)) $(if $(ONCE),--once "$(ONCE)")

test: .venv/drawbar-dev
	@$(PYTHON) -m pytest -n auto --dist worksteal -q $(PYTEST_ARGS)

check: .venv/drawbar-dev
	@sh tools/check.sh

bench: .venv/drawbar-dev
	@$(PYTHON) bench/run.py

clean:
	rm -rf .venv var
