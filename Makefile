# Two commands do everything on a fresh machine: `make quick` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ON_MNIST := benchmarks/random_rounds.py benchmarks/recipe.py
export OMP_NUM_THREADS ?= 1

.PHONY: quick test check docs setup setup-dev bench clean

quick: setup  ## set up, run DALBT against its baselines on embedded real images, show the result
	$(BIN)/python sweeps/paper_grid.py --preset quick

test: setup-dev  ## set up, run the tests
	$(BIN)/python -m pytest

check: setup-dev  ## format, lint, types, import order
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup  ## docs/options.md from the classes, pages of studies and GPUs from their results
	$(BIN)/python -m scripts.make_options_page
	$(BIN)/python -m scripts.make_study_pages
	$(BIN)/python -m scripts.make_gpu_page
	$(BIN)/python -m scripts.make_recipe_page

bench: setup-dev  ## every claim of docs/speed.md, measured side by side; DATA=DIR: where the MNIST of two of them is
	for script in $(filter-out $(ON_MNIST),$(wildcard benchmarks/*.py)); do $(BIN)/python $$script || exit 1; done
ifdef DATA
	for script in $(ON_MNIST); do $(BIN)/python $$script --data-root $(DATA) || exit 1; done
else
	@echo "left out without DATA=DIR, the folder of data sets: $(ON_MNIST)"
endif

setup: $(VENV)/.installed
setup-dev: $(VENV)/.installed-dev

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "dalbt-ray needs Python 3.11 or newer; set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:  ## remove the virtual environment and caches; results stay
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
