# `make demo`, `make test` and `make docs`. Each creates its environment first, and so does
# `make test-oldest`, which tests with the oldest versions that pyproject.toml declares.
# `make test-mutants` tells whether the tests notice a tenth of the changes that a program
# makes in the code, drawn by a seed. `make dist` builds the archives of a release and tries
# both, each in a fresh environment of its own.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/installed
DOCUMENTING = $(VENV)/documenting
OLDEST = .venv-oldest

.PHONY: demo test test-oldest test-mutants dist lint docs clean

demo: $(INSTALLED)
	$(BIN)/python benchmarks/paper_table.py --seeds 1 --figures demo

test: lint
	$(BIN)/python -m pytest -n 2 --durations 10

test-oldest: $(OLDEST)/installed
	$(OLDEST)/bin/python -m pytest -n 2 --durations 10

test-mutants: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[mutants]'
	$(BIN)/python benchmarks/mutants.py --share 0.1

dist: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[archives]'
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*
	PYTHON=$(PYTHON) tests/try_archive.sh dist/*.whl
	PYTHON=$(PYTHON) tests/try_archive.sh dist/*.tar.gz

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(DOCUMENTING)
	$(BIN)/python -m sphinx -W --keep-going -j 2 -d docs/_build/doctrees docs docs/_build/html

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[plots,tests]'
	touch $@

$(OLDEST)/installed: pyproject.toml constraints-oldest.txt
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --constraint constraints-oldest.txt --editable '.[plots,tests]'
	touch $@

$(DOCUMENTING): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[plots,docs]'
	touch $@

clean:
	rm -rf $(VENV) $(OLDEST) demo dist docs/_build docs/auto_examples docs/generated docs/sg_execution_times.rst
