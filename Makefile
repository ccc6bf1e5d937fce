# make repro: from a fresh clone to trained networks and a report.  make test: the whole test suite.
PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: repro test lint lock clean

repro: $(VENV)/installed
	dvc repro

test: $(VENV)/installed
	python -m pytest

lint: $(VENV)/installed
	ruff check .
	ruff format --check .

$(VENV)/installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	python -m pip install --quiet --requirement requirements.txt
	touch $@

# Needs uv (pip install uv): pip's own resolver takes minutes on this set.
lock:
	uv pip compile --quiet --no-header --no-emit-index-url --python-version 3.11 requirements.in --output-file requirements.txt

clean:
	rm -rf $(VENV)
