# Everything a contributor types. Needs Python 3.11 or newer; the rest is installed into .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
STAMP := .venv/.installed

# Where this is set, each program that a test starts compiles all of PyTorch anew.
unexport PYTHONDONTWRITEBYTECODE

# pip reads this variable by itself, uv does not; it may hold several places.
FIND_LINKS := $(foreach place,$(PIP_FIND_LINKS),--find-links "$(place)")

.DEFAULT_GOAL := help
.PHONY: help setup check test trials fuzz cover mutants bench demo docs dist lock audit

help:
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP)  ## install everything into .venv (again only when the requirements change)

check: $(STAMP) docs  ## format, lint, types and docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# The variable silences an advertisement of the theme's next version.
docs: $(STAMP)  ## build the documentation, strictly, into build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

# One thread a process: pytest runs two processes, and four threads on two cores are slower.
test: $(STAMP)  ## the tests that a laptop can run
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest

trials: $(STAMP)  ## what takes two hours: slow tests, 20,000 damaged files, 100 faults of each kind of work
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "slow and not gpu"
	OMP_NUM_THREADS=1 $(BIN)/python tests/formats/fuzz.py 20000
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.faults.trials 100

# Apart from .venv: atheris is not for every processor and Python.
fuzz: $(STAMP) build/atheris  ## every reader of files for a minute and a half, guided by coverage: an hour
	PYTHONPATH=build/atheris OMP_NUM_THREADS=1 $(BIN)/python -m tests.guided.fuzz 90
build/atheris: | $(BIN)/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python $(FIND_LINKS) --no-deps --target $@ atheris==3.0.0

cover: $(STAMP)  ## which lines the tests run, by room; takes twice as long as they do
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --cov=neurosvt --cov-context=test --cov-report=
	$(BIN)/python -m tests.mutants.lines

# Here the tests of a line are those that ran it under `make cover`. Each mutant is written in place.
mutants: build/mutants.json  ## 400 broken lines, each to be noticed by a test: hours, in a clean clone
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.mutants.trials build/mutants.json .coverage
build/mutants.json: | $(BIN)/uv
	mkdir -p build
	$(BIN)/uv tool run --from cosmic-ray==8.7.0 python tests/mutants/sample.py 400 build/mutants.json

bench: $(STAMP)  ## measure, and write benchmarks/results
	$(BIN)/python benchmarks/run.py

demo: $(STAMP)  ## an object disappears, the model goes on knowing: table and runs/demo/report.html
	$(BIN)/neurosvt demo

# The second wheel is that of machines for which nobody has built the C++ library.
DIST := dist
dist: $(STAMP)  ## the sdist and both wheels, into dist/ and dist/pure/
	$(BIN)/uv build --quiet --out-dir $(DIST)
	NEUROSVT_PURE=1 $(BIN)/uv build --quiet --wheel --out-dir $(DIST)/pure

$(BIN)/uv:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv

KERNELS := $(wildcard neurosvt/native/*.?pp neurosvt/native/*/*.?pp neurosvt/native/fixed/*.h \
	neurosvt/native/cuda/*.cuh neurosvt/native/CMakeLists.txt)

INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python $(FIND_LINKS)
# A second reader of exported NIR; what else it asks for would bring another torch along.
ALONE := norse==1.1.0

# LOCKED=1, as CI has it: every file is held to its hash, but that of PyTorch, whose builds differ.
$(STAMP): pyproject.toml constraints.txt requirements-ci.txt $(KERNELS) | $(BIN)/uv
ifdef LOCKED
	$(INSTALL) --no-deps --constraints constraints.txt torch
	$(INSTALL) --no-deps --require-hashes --requirement requirements-ci.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
else
	$(INSTALL) --constraints constraints.txt --editable '.[dev,data,events,live,docs]'
	$(INSTALL) --no-deps $(ALONE)
endif
	@touch $@

LOCK := $(BIN)/uv pip compile --quiet $(FIND_LINKS) --generate-hashes --no-annotate --no-header \
	--python-version 3.11
lock: | $(BIN)/uv  ## write requirements-ci.txt anew: versions and hashes of all that CI installs
	@printf '%s\n' scikit-build-core hatch-fancy-pypi-readme cmake ninja | $(LOCK) \
		--constraints constraints.txt --no-emit-package torch pyproject.toml - \
		$(foreach extra,dev data events live docs,--extra $(extra)) --output-file requirements-ci.txt
	@echo $(ALONE) | $(LOCK) --no-deps - >> requirements-ci.txt

audit: | $(BIN)/uv  ## known vulnerabilities of what CI installs; asks PyPI
	$(BIN)/uv tool run pip-audit --requirement requirements-ci.txt --disable-pip --no-deps
