# make repro: from a fresh clone to trained networks and a report.  make test: the whole test suite.
# make bench: how fast it is, beside what one would use instead (docs/performance.md).
# make verify-reproducible: the whole pipeline twice from nothing, and every output compared.  make audit: known weaknesses.
PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: repro test bench verify-reproducible lint audit lock clean

repro: $(VENV)/installed
	dvc repro

test: $(VENV)/installed
	python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

# Needs: python -m pip install --requirement benchmarks/requirements.txt
bench: $(VENV)/installed
	python -m benchmarks

verify-reproducible: $(VENV)/installed
	python -m tests.pipeline.two_runs

lint: $(VENV)/installed
	ruff check .
	ruff format --check .

$(VENV)/installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	python -m pip install --quiet --requirement requirements.txt
	touch $@

# Needs a network: asks the public database of known weaknesses for the locked packages.
audit: $(VENV)/installed
	python -m pip install --quiet pip-audit
	pip-audit --requirement requirements.txt --no-deps --disable-pip

# Needs uv (pip install uv): pip's own resolver takes minutes on this set.
lock:
	uv pip compile --quiet --no-header --no-emit-index-url --python-version 3.11 requirements.in --output-file requirements.txt
	uv pip compile --quiet --no-header --no-emit-index-url --python-version 3.11 requirements-gpu.in --output-file requirements-gpu.txt

clean:
	rm -rf $(VENV)
