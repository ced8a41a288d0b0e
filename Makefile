# make train   makes .venv, installs, and runs the main job on the built-in default
# make test    the same, and passes the tests
PYTHON ?= python3
# Which torch: cpu, cuda, or the address of a package index that offers another build.
TORCH ?= cpu
# Processes that run tests, and extra arguments of `sb3-mimic train` and of pytest.
JOBS ?= auto
ARGS ?=
# Environment steps of `make train`: enough for the built-in walk, in minutes on two cores.
STEPS ?= 1000000

VENV := .venv
CURRENT := .venv-current
WHEEL := .venv-wheel
PIP := -m pip --disable-pip-version-check install --quiet
# One thread a test process, since the processes share the cores.
PYTEST = OMP_NUM_THREADS=1 $(1)/bin/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

.PHONY: help venv venv-current train test test-slow test-current test-current-smoke test-wheel test-docker \
	test-all lint types docs guard format clean
.DELETE_ON_ERROR:

help:
	@echo "make train         install into $(VENV) and train the humanoid on the built-in walk"
	@echo "make test          the tests, on the resolver's dependency line (constraints.txt)"
	@echo "make test-current  the tests, on the current dependency line (constraints-current.txt)"
	@echo "make test-all      every test on both lines, the wheel alone, and the containers"
	@echo "make guard         whether anything has become slower, by ratios"
	@echo "make docs          the documentation as web pages, docs/_build/html/index.html"
	@echo "make lint types format clean"

venv: $(VENV)/installed
venv-current: $(CURRENT)/installed

# imitation 1.0.1 pins stable-baselines3~=2.2.1 and gymnasium~=0.29; its line is what pip resolves.
$(VENV)/installed: pyproject.toml constraints.txt tools/install_torch.sh
	$(PYTHON) -m venv $(VENV)
	sh tools/install_torch.sh $(VENV)/bin/python constraints.txt $(TORCH)
	$(VENV)/bin/python $(PIP) --constraint constraints.txt --editable ".[dev]"
	touch $@

# The current line is past those pins, so it is installed from the file, without resolving.
$(CURRENT)/installed: pyproject.toml constraints-current.txt tools/install_torch.sh
	$(PYTHON) -m venv $(CURRENT)
	sh tools/install_torch.sh $(CURRENT)/bin/python constraints-current.txt $(TORCH)
	$(CURRENT)/bin/python $(PIP) --constraint constraints-current.txt torch
	$(CURRENT)/bin/python $(PIP) --no-deps --requirement constraints-current.txt
	$(CURRENT)/bin/python $(PIP) --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/installed-docs: $(VENV)/installed
	$(VENV)/bin/python $(PIP) --constraint constraints.txt --editable ".[docs]"
	touch $@

train: venv
	$(VENV)/bin/sb3-mimic train --total-rl-timesteps $(STEPS) $(ARGS)

test: venv
	$(call PYTEST,$(VENV)) -m "not slow"

test-slow: venv
	$(call PYTEST,$(VENV)) -m slow

test-current: venv-current
	$(call PYTEST,$(CURRENT))

test-current-smoke: venv-current
	$(call PYTEST,$(CURRENT)) -m smoke

# The built wheel and nothing of the tree, in an environment of its own.
test-wheel: venv
	rm -rf $(WHEEL) dist
	$(VENV)/bin/python -m build --wheel --no-isolation --outdir dist . >/dev/null
	$(PYTHON) -m venv $(WHEEL)
	sh tools/install_torch.sh $(WHEEL)/bin/python constraints.txt $(TORCH)
	$(WHEEL)/bin/python $(PIP) --constraint constraints.txt dist/*.whl
	cd $(WHEEL) && bin/python -m pip check && bin/sb3-mimic --help >/dev/null && bin/sb3-mimic motions list

test-docker:
	if docker info >/dev/null 2>&1; then docker/test.sh; else echo "no Docker engine answers: containers not tested"; fi

test-all: lint types docs test test-slow test-current test-wheel test-docker

lint: venv
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: venv
	$(VENV)/bin/mypy

# Ratios of speed against the recorded ones.
guard: venv
	OMP_NUM_THREADS=1 $(VENV)/bin/python bench/guard.py

# Warnings are errors, names in docstrings that lead nowhere among them (-n).
docs: $(VENV)/installed-docs
	$(VENV)/bin/sphinx-build -n -W --keep-going -q docs docs/_build/html
	@echo "docs/_build/html/index.html"

format: venv
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:
	rm -rf $(VENV) $(CURRENT) $(WHEEL) build dist docs/_build docs/reference/modules *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
