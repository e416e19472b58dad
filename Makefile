# The two commands of the README are `make demo` and `make test`. Each sets up what it needs by itself.

PYTHON := .venv/bin/python
MODEL ?=
ONCE ?=
export ONCE

.PHONY: help demo test setup check coverage bench image-replay lock clean

help:
	@echo "make demo               start example legacy systems, the gateway and a chat page on this machine"
	@echo "make demo ONCE='...'    ask one question and end"
	@echo "make demo MODEL=local   the same with a language model on this machine (1.1 GB, fetched once)"
	@echo "make test               run the tests; PYTEST_ARGS='-k sql -x' says which"
	@echo "make check              formatting, lint, types, layers, tests: the whole gate"
	@echo "make coverage           the tests again, with the lines and branches they did not reach"
	@echo "make bench              what the gateway costs, next to peers"
	@echo "make image-replay       carry out the Dockerfile in a folder, without a container engine"
	@echo "make lock               write the lock files anew after a change of pyproject.toml"
	@echo "make setup              install into .venv, with the test tools"

setup:
	@sh tools/setup.sh dev

demo:
	@sh tools/setup.sh run
ifeq ($(MODEL),local)
	@sh tools/setup.sh local
	@$(PYTHON) -m drawbar model pull
endif
	@$(PYTHON) -m drawbar demo $(if $(MODEL),--model $(MODEL)) $(if $(ONCE),--once "$$ONCE")

# Four at a time on two cores, since many tests wait for processes and browsers; a file stays together, since
# its gateway and browser are started once.
test: setup
	@$(PYTHON) -m pytest -n 4 --dist loadfile -q $(PYTEST_ARGS)

check: setup
	@sh tools/check.sh

coverage: setup
	@rm -f .coverage .coverage.*
	@$(PYTHON) -m coverage run -m pytest -n 4 --dist loadfile -q $(PYTEST_ARGS)
	@$(PYTHON) -m coverage combine -q
	@$(PYTHON) -m coverage report --skip-covered --show-missing

bench: setup
	@$(PYTHON) bench/run.py

image-replay: setup
	@$(PYTHON) tools/replay_image.py

lock:
	@sh tools/lock.sh

clean:
	rm -rf .venv var
