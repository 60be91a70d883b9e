# Two commands: `make demo` and `make test`. Each creates its environment first.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/installed

.PHONY: demo test lint clean

demo: $(INSTALLED)
	$(BIN)/python benchmarks/paper_table.py --seeds 1 --figures demo

test: lint
	$(BIN)/python -m pytest -n 2 --durations 10

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[plots,tests]'
	touch $@

clean:
	rm -rf $(VENV) demo
