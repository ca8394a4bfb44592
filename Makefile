# Two commands do all the set-up on a machine with Python >= 3.10, make and bash:
#   make demo   a whole campaign on real data, in local processes
#   make test   formatting, lint, types and all tests; exactly what CI runs
# And `make docs` makes the site.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Installs quickly and runs on the CPU; users may have any recent torch.
TORCH  ?= torch==2.13.0

# The tests and jobs start hundreds of interpreters, each of which would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

# The tests write many small files: in memory, where there is room for them.
SHM := $(shell avail=$$(df -k --output=avail /dev/shm 2>/dev/null | tail -n 1); \
         [ "$${avail:-0}" -lt 4000000 ] || echo PYTEST_DEBUG_TEMPROOT=/dev/shm)

.PHONY: demo test docs test-long check lint types coverage chaos fuzz clean slurm-up slurm-down

demo: $(VENV)/.demo
	$(BIN)/python main_hpo.py --config digits_example --executor local --fresh
	@echo
	@echo "Look at hpo_results/digits_example, or from Python:"
	@echo "  import hpo; hpo.load_campaign('hpo_results/digits_example').trials"

test: $(VENV)/.test lint types
	$(SHM) $(BIN)/python -m pytest -n 4 --dist worksteal

# Tests that need the whole SLURM, or minutes, for one more variant; and of those that invent their
# inputs many more of them.
test-long: $(VENV)/.test
	$(SHM) $(BIN)/python -m pytest -m "long or invented" -n 3 --dist worksteal \
		--hypothesis-profile long

check: test

lint: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache

types: $(VENV)/.test
	$(BIN)/mypy

# The pages of docs/ as a site that opens from disk: docs/_build/index.html. Draws the picture of the
# packages and writes the table of the settings anew.
docs: $(VENV)/.test
	$(BIN)/python docs/rooms.py
	$(BIN)/python -m sphinx -W -q -b html docs docs/_build
	@echo "Look at docs/_build/index.html"

coverage: $(VENV)/.test
	$(BIN)/coverage run -m pytest -m "not slow and not slurm"
	$(BIN)/coverage report -m

# Kills campaigns at random: CHAOS="--executor simulation --campaigns 40 --seed 7", or those of real
# training codes alone: CHAOS="--executor training --code lightning"; see
# docs/how-it-works/reliability.md.
CHAOS ?= --campaigns 20
chaos: $(VENV)/.test
	export $$(tests/slurm/start_cluster.sh | tail -n 1 | cut -d' ' -f2) && \
	PYTHONPATH=$(CURDIR):$(CURDIR)/tests $(BIN)/python -m chaos $(CHAOS)

# Damaged inputs of each kind, 100,000 in all; the tests take 25 of each.
FUZZ ?= 5600
fuzz: $(VENV)/.test
	HPO_FUZZ=$(FUZZ) $(SHM) $(BIN)/python -m pytest -n 4 --dist worksteal $$(find tests -name 'test_fuzz*.py')

slurm-up:
	tests/slurm/start_cluster.sh

slurm-down:
	tests/slurm/stop_cluster.sh

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[examples]'
	touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs,examples,optuna,report,test,watch]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .coverage*
