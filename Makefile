# Needs only Python 3.11 or newer and make. Windows: see "Windows" in README.md.
#
#   make demo   install into .venv what a user gets, analyse samples/, show the table and the files
#   make test   install the development tools too and run the tests
#   make lint   ruff and mypy
#
# Everything is installed in the versions of requirements/constraints.txt.

PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
# How to install into the Python $(1); `make UV=1 ...` does it with uv, in a fraction of the time.
install = $(if $(UV),uv pip install -q --python $(1),$(1) -m pip install -qq --disable-pip-version-check)
LOCK   := requirements/constraints.txt
LOWEST := requirements/lowest.txt
TESTS  ?=
# One process more than there are cores, since browsers and killed runs are waited for. Each begins
# with an equal share of the tests, so that what a module sets up is made in one of them, and takes
# from the others at the end. `make test SPREAD=` runs them one after the other.
SPREAD ?= --dist worksteal -n $(shell expr $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1) + 1)
# openSMILE and Praat are only compared with. BENCH= leaves them out; their tests are then skipped.
BENCH  ?= bench

.PHONY: help demo test lint format lowest wheel bench samples lock clean
.DELETE_ON_ERROR:

help:
	@sed -n 's/^#   make/  make/p' Makefile
	@echo '  make lowest | wheel | bench | samples | lock | clean'

# --- setting up: a stamp is as new as what was installed, so a changed lock installs again ---

# A .venv that was moved with its folder, or emptied, or whose Python is gone, is set up again too.
GOOD := $(shell cd / && '$(CURDIR)/$(PY)' -c 'import prosody; print(prosody.__file__)' 2>/dev/null)
ifneq ($(GOOD),$(CURDIR)/prosody/__init__.py)
.PHONY: $(VENV)/.base
endif

$(VENV)/.base: pyproject.toml $(LOCK)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ...' >&2; exit 1; }
	@$(PY) -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || $(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); \
	  echo 'No virtual environment could be made; on Debian: apt-get install python3-venv' >&2; exit 1; }
	@echo 'Installing prosody (the first time this takes a few minutes) ...'
	@# with the pages and what reads recognisers, so that `prosody coach` and `--asr` work after
	@# `make demo` with nothing else to install
	@$(call install,$(PY)) -c $(LOCK) -e '.[asr,studio]'
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	@echo 'Installing the development tools ...'
	@$(call install,$(PY)) -c $(LOCK) -e '.[dev]'
	@test -z '$(BENCH)' || $(call install,$(PY)) -c $(LOCK) -e '.[$(BENCH)]' || \
	  echo 'openSMILE or Praat cannot be installed here: what compares with them is skipped.'
	@touch $@

# --- what people do ---

demo: $(VENV)/.base
	@rm -rf demo-out
	@$(VENV)/bin/prosody analyze samples --out demo-out
	@echo && echo 'Files of this run:' && for f in demo-out/*; do echo "  $$f"; done

# Bytecode is kept: hundreds of processes would compile the same modules anew.
test: $(VENV)/.dev
	PYTHONDONTWRITEBYTECODE= $(PY) -m pytest $(SPREAD) $(TESTS)

lint: $(VENV)/.dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	@# mypy sees prosody.cli and prosody.models where they install, not where they stand
	@rm -rf .cache/types && mkdir -p .cache/types/prosody
	@for f in prosody/*; do ln -s ../../../$$f .cache/types/prosody/; done
	@ln -s ../../../cli ../../../models .cache/types/prosody/
	cd .cache/types && ../../$(PY) -m mypy --config-file ../../pyproject.toml

format: $(VENV)/.dev
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

# The fast tests once more with the oldest versions that pyproject.toml allows.
lowest: $(VENV)-lowest/.done
	$(VENV)-lowest/bin/python -m pytest $(SPREAD) -m 'not slow' $(TESTS)

$(VENV)-lowest/.done: pyproject.toml $(LOWEST)
	@$(PYTHON) -m venv --clear $(VENV)-lowest
	@$(call install,$(VENV)-lowest/bin/python) -c $(LOWEST) \
	  -e '.[av,dask,fit,parquet,s3,studio,xlsx,test]'
	@touch $@

wheel: $(VENV)/.dev
	@rm -rf build dist
	$(PY) -m build --wheel --outdir dist .

bench: $(VENV)/.dev
	$(PY) -m benchmarks --profile quick

# Renders samples/ again; needs espeak-ng and, in a virtual environment of its own, hibari-tts.
samples:
	@test -x .cache/tts/bin/python || $(PYTHON) -m venv .cache/tts
	@.cache/tts/bin/python -m pip install --quiet -r samples/requirements.txt
	.cache/tts/bin/python samples/render.py

# Writes both lists of versions anew; look at the difference before committing it.
lock:
	@test -x .cache/lock/bin/uv || { $(PYTHON) -m venv .cache/lock && \
	  .cache/lock/bin/python -m pip install --quiet uv; }
	.cache/lock/bin/python requirements/lock.py

clean:
	rm -rf build dist demo-out .cache .pytest_cache .ruff_cache .mypy_cache .hypothesis
