# The two commands are `make demo` and `make test`; both set up what they need in .venv first.

PYTHON ?= python3
VENV ?= .venv
PYTEST_OPTIONS ?=

BIN := $(VENV)/bin
STAMP := $(VENV)/installed

.PHONY: demo test test-slow comfyui install lint docs pictures constraints clean

demo: $(STAMP)
	$(BIN)/c2gm demo --out demo

test: $(STAMP) comfyui
	$(BIN)/python -m pytest -m "not slow" $(PYTEST_OPTIONS)

test-slow: $(STAMP) comfyui
	$(BIN)/python -m pytest -m slow $(PYTEST_OPTIONS)

# A ComfyUI of its own for the tests, in .cache/comfyui, and a second front end for it.
comfyui: $(STAMP)
	$(BIN)/python tests/comfyui/install_server.py
	$(BIN)/python tests/comfyui/install_frontend.py

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "constraints.txt is for Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	touch $@

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What is written by scripts: references of commands and nodes; the pictures of README.
docs: $(STAMP)
	$(BIN)/python docs/make_cli_reference.py
	$(BIN)/python docs/make_node_reference.py

pictures: $(STAMP)
	$(BIN)/python docs/make_pictures.py

# Pins of everything that is installed now, plain versions.
constraints: $(STAMP)
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt

clean:
	rm -rf $(VENV) .cache demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
