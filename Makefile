# Everything a developer does, one target each; `make help` lists them.
# All targets install what they need into .venv, once.
#
#   PYTHON       the interpreter to build .venv with (3.10, 3.11 or 3.12)
#   UV           the uv to install with, where there is one; `make UV= setup` uses plain pip
#   TORCH_INDEX  where the CPU build of torch lies; empty for PyPI's own, which on Linux has CUDA
#   JOBS         test processes
#   OLDEST_TESTS what test-oldest runs
#   BRAIN_MODELS models that bench-brain compares
#   LIBRARIES    other checkouts that bench-start measures beside this one
#   SLICER       the executable of a Slicer for test-slicer
#   INSTALLED    where the extension is installed, to test that instead of the source

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS := requirements/constraints.txt
SAMPLES := Resources/SampleData
JOBS ?= 2
# What needs no Slicer, no training and no tools of development.
OLDEST_TESTS ?= $(addprefix Testing/Python/,functional images losses metrics networks pipeline report \
	segmentation test_displacement.py test_displacement_files.py test_geometry.py test_intensity.py \
	test_lattice.py test_memory.py test_monai.py test_resampling.py)
BRAIN_MODELS ?= textscf-brain-mr
UV ?= $(shell command -v uv)

# Without a GPU the CPU build will do: it is several GB smaller.
ifeq ($(shell uname -s):$(shell command -v nvidia-smi),Linux:)
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
endif

# Waiting threads that spin for long make a busy machine several times slower, those that sleep at
# once an idle one (SlicerLDMReg/SlicerLDMRegLib/_waiting_threads.py).
export GOMP_SPINCOUNT ?= 5000
# With it every import compiles its modules anew.
unexport PYTHONDONTWRITEBYTECODE

ifneq ($(UV),)
# uv does not read pip's settings: pass on where the machine keeps wheels.
pip_setting = $(or $(PIP_$(1)),$(shell python3 -m pip config get global.$(2) 2>/dev/null))
PIP_INSTALL = $(UV) pip install --python $(BIN)/python \
	$(addprefix --find-links ,$(call pip_setting,FIND_LINKS,find-links))
EXTRA_INDEXES = --index-strategy unsafe-best-match \
	$(addprefix --extra-index-url ,$(call pip_setting,EXTRA_INDEX_URL,extra-index-url))
else
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check
endif

.PHONY: help setup demo test test-oldest test-slicer lint format samples screenshots translations bench bench-brain bench-panel \
	bench-start bench-align bench-speed prove ablation constraints sbom package clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.developer ## install everything for development into .venv

demo: $(VENV)/.runtime ## register the sample pair with the bundled model; see results/report.html
	$(BIN)/ldmreg register \
		--fixed $(SAMPLES)/cardiac_fixed.nrrd --fixed-labels $(SAMPLES)/cardiac_fixed_labels.nrrd \
		--moving $(SAMPLES)/cardiac_moving.nrrd --moving-labels $(SAMPLES)/cardiac_moving_labels.nrrd \
		--output results
	@echo "Open results/report.html"

test: $(VENV)/.developer ## run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal -q

test-oldest: ## run the tests with the oldest versions that pyproject.toml allows
	$(MAKE) VENV=$(VENV)-oldest $(VENV)-oldest/.oldest
	OMP_NUM_THREADS=1 $(VENV)-oldest/bin/python -m pytest -n $(JOBS) --dist worksteal -q -m "not slow" $(OLDEST_TESTS)

$(VENV)/.oldest: pyproject.toml | $(BIN)/python
	$(BIN)/python requirements/oldest.py >$(VENV)/oldest.txt
	$(PIP_INSTALL) -c $(VENV)/oldest.txt --no-deps torch $(EXTRA_INDEXES) \
		$(addprefix --extra-index-url ,$(TORCH_INDEX))
	$(PIP_INSTALL) -c $(VENV)/oldest.txt -e . pytest pytest-xdist hypothesis
	@touch $@

test-slicer: $(if $(SLICER),$(VENV)/.developer) ## test the module in a given Slicer: SLICER=/path/to/Slicer
	@$(if $(SLICER),$(BIN)/python,python3) -m Testing.Slicer.run \
		--slicer "$(SLICER)" --tree "$(INSTALLED)"

lint: $(VENV)/.developer ## check format, style, types and layers
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

format: $(VENV)/.developer ## format the code and mend what ruff can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

samples: $(VENV)/.developer ## generate Resources/SampleData anew
	$(BIN)/python -m training.synthesis.make_samples

translations: $(VENV)/.developer ## collect the texts of the module, and compile their translations
	$(BIN)/python -m docs.translations

screenshots: $(VENV)/.developer ## take docs/screenshots anew from the module
	OMP_NUM_THREADS=1 $(BIN)/python -m docs.make_screenshots

bench: $(VENV)/.developer ## compare all methods on the unseen cardiac pairs and the echo pairs
	$(BIN)/python -m training.evaluate --data cardiac-mr --models ldm-morph-cardiac-mr \
		--threads 1 --output results/cardiac-mr
	$(BIN)/python -m training.evaluate --data echo --models ldm-morph-echo --threads 1 --output results/echo
	$(BIN)/python -m training.evaluate --data apical --models ldm-morph-echo --threads 1 --output results/apical

bench-brain: $(VENV)/.developer ## compare all methods on unseen brains, hippocampi and a warped abdomen
	$(BIN)/python -m training.evaluate --data brain-mr --models $(BRAIN_MODELS) --output results/brain-mr
	$(BIN)/python -m training.evaluate_segmenter segment-brain-mr --output results/segment-brain-mr
	$(BIN)/python -m training.evaluate --data hippocampus --output results/hippocampus
	$(BIN)/python -m training.evaluate --data abdomen-warp --output results/abdomen-warp

bench-panel: $(VENV)/.developer ## what the Slicer panel costs beside the network, and how long it blocks
	$(BIN)/python -m Testing.Benchmarks.panel_overhead
	$(BIN)/python -m Testing.Slicer.first_look

bench-start: $(VENV)/.developer ## how long a start takes with all packages here, and with the needed ones alone
	$(MAKE) VENV=$(VENV)-runtime $(VENV)-runtime/.runtime
	$(BIN)/python -m Testing.Benchmarks.cold_start --developer $(VENV) --runtime $(VENV)-runtime \
		$(addprefix --library ,$(LIBRARIES))

bench-align: $(VENV)/.developer ## compare the linear alignment with others in 500 random geometries
	OMP_NUM_THREADS=1 $(BIN)/python -m Testing.Benchmarks.alignment --output results/alignment.json

bench-speed: $(VENV)/.developer ## time, memory and overlap beside Greedy, demons, SyN, ConvexAdam; operators, networks, growth
	$(BIN)/python -m Testing.Benchmarks.speed

prove: $(VENV)/.developer ## try what goes wrong in space, on disks, in files and in time (an hour)
	$(BIN)/python -m Testing.Prove

ablation: $(VENV)/.developer ## train small variants of textSCF and compare them (hours)
	$(BIN)/python -m training.ablate --config training/configs/textscf-brain-mr/ablation.yaml \
		--output runs/ablation

constraints: ## write the tested versions to requirements/constraints.txt (needs uv)
	requirements/update

sbom: ## write the bill of materials to requirements/sbom.cdx.json
	$(MAKE) VENV=$(VENV)-runtime $(VENV)-runtime/.runtime
	$(MAKE) VENV=$(VENV)-sbom $(VENV)-sbom/bin/python
	$(MAKE) VENV=$(VENV)-sbom $(VENV)-sbom/.cyclonedx
	$(VENV)-sbom/bin/python docs/make_sbom.py --tool $(VENV)-sbom/bin/cyclonedx-py \
		--python $(VENV)-runtime/bin/python

$(VENV)/.cyclonedx: | $(BIN)/python
	$(PIP_INSTALL) 'cyclonedx-bom>=7,<8'
	@touch $@

package: $(VENV)/.developer ## build the wheel into dist/
	$(PIP_INSTALL) -q build
	$(BIN)/python -m build --wheel

clean: ## remove .venv, results and caches
	rm -rf $(VENV) $(VENV)-runtime $(VENV)-sbom $(VENV)-oldest results build dist .pytest_cache .ruff_cache .mypy_cache .import_linter_cache

$(BIN)/python:
	@for python in $(PYTHON) python3 python3.12 python3.11 python3.10; do \
		$$python -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' 2>/dev/null && break; \
		python=; \
	done; \
	if [ -n "$(UV)" ]; then $(UV) venv -q --python "$${python:-3.12}" $(VENV); exit; fi; \
	if [ -z "$$python" ]; then \
		echo "LDMReg needs Python 3.10, 3.11 or 3.12; python3 is $$(python3 --version 2>&1)." \
			"Install one of these, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; fi; \
	echo "Making $(VENV) with $$($$python --version)"; \
	$$python -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Python cannot make virtual environments: sudo apt install python3-venv" >&2; exit 1; }

# torch comes first and alone: no other package has to be looked up in its index, and where that
# index cannot be reached, pip or a second try takes what the machine offers.
$(VENV)/.runtime: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
ifneq ($(UV),)
	$(PIP_INSTALL) -c $(CONSTRAINTS) --no-deps torch $(EXTRA_INDEXES) \
		$(addprefix --extra-index-url ,$(TORCH_INDEX)) || { \
		echo "Going on without the index that failed."; \
		$(PIP_INSTALL) -c $(CONSTRAINTS) --no-deps torch; }
else
	$(PIP_INSTALL) -c $(CONSTRAINTS) --no-deps torch --retries 1 --timeout 30 \
		$(addprefix --extra-index-url ,$(TORCH_INDEX))
endif
	$(PIP_INSTALL) -c $(CONSTRAINTS) -e .
	@touch $@

$(VENV)/.developer: $(VENV)/.runtime training/pyproject.toml
	$(PIP_INSTALL) -c $(CONSTRAINTS) -e '.[cohort,dev,text,training,slicer-host]' -e './training[baselines]'
	@touch $@
