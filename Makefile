# The commands of the project. They need GNU make 3.81 (as on macOS) and Python 3.11 to 3.13.

PORT  ?= 8080
KILLS ?= 200
MINUTES ?= 10
JOBS  ?= 2
SECONDS ?= 10
EXAMPLES ?= 300
GOEMOTIONS ?= ../shared/data/goemotions_train.csv

VENV   := .venv
BIN    := $(VENV)/bin
PIP    := PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_WARN_SCRIPT_LOCATION=1 $(BIN)/python -m pip install -qq --no-compile
LOCK   := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
          --no-emit-index-url --no-header --quiet $(LOCKFLAGS)

# Compiled modules are kept, whatever the environment says: a start then takes half the time.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: install run test test-rasa test-semantic check style types layers pages bench train-mood train-search train-absence \
        crash faults api fuzz image-check audit sbom format sizes lock wheel clean

install: $(VENV)/.project  ## install Warmline and what is locked into .venv

run: $(VENV)/.project  ## start the demo shop on http://127.0.0.1:$(PORT)
	@WARMLINE_PUBLIC_URL="$${WARMLINE_PUBLIC_URL:-http://127.0.0.1:$(PORT)}" exec $(BIN)/warmline serve --port $(PORT)

test: $(VENV)/.project $(VENV)/.dev  ## run the whole suite
	@$(BIN)/pytest -q -n $(JOBS) --dist loadgroup $(ARGS)

test-rasa: $(VENV)/.project $(VENV)/.dev  ## test against a real Rasa; needs Python 3.10, else prints NOT RUN
	@.ci/rasa $(BIN)

test-semantic:  ## test the extra `semantic` with a real model; needs torch, else prints NOT RUN
	@.ci/semantic

check: style types layers pages  ## `make -k check` continues after a failure

style: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.project $(VENV)/.dev
	$(BIN)/mypy

layers: $(VENV)/.project $(VENV)/.dev
	$(BIN)/lint-imports --no-cache --no-logo

pages: $(VENV)/.dev  # without --quiet, which would hide warnings
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(VENV)/.project $(VENV)/.dev  ## measure; prints one JSON object per line; PARTS= selects
	@$(if $(filter speed,$(or $(PARTS),speed)),.ci/opsdroid)
	@$(BIN)/python -m tests.bench $(PARTS)

train-mood: $(VENV)/.project  ## train plugins/nlu_local/data from GOEMOTIONS, CLINC150 and BANKING77
	@$(BIN)/python -m plugins.nlu_local.mood.tone_training $(GOEMOTIONS)
	@$(BIN)/python -m plugins.nlu_local.mood.model_training $(GOEMOTIONS) $(CLINC150) $(BANKING77)

train-search: $(VENV)/.project $(VENV)/.dev  ## train what plugins/knowledge/search and answering have learnt
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.bench.knowledge.training --fit
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.bench.knowledge.answers --fit

train-absence: $(VENV)/.project $(VENV)/.dev  ## train channels/email/absence from the mails beside it
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.bench.absence_training

crash: $(VENV)/.project $(VENV)/.dev  ## kill the server KILLS times under load
	@$(BIN)/python -m tests.crash --kills $(KILLS)

faults: $(VENV)/.project $(VENV)/.dev  ## kill, stop and disconnect processes for MINUTES
	@$(BIN)/python -m tests.faults --minutes $(MINUTES)

api: $(VENV)/.project $(VENV)/.dev  ## send EXAMPLES requests to each operation of the API
	@OPENAPI_EXAMPLES=$(EXAMPLES) $(BIN)/pytest -q tests/openapi -o timeout=3600

fuzz: $(VENV)/.project $(VENV)/.dev $(VENV)/.fuzz  ## fuzz each parser for SECONDS; NAMES= selects
	@$(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(NAMES)

image-check: $(VENV)/.dev  ## run the image's build steps in a clean root; needs root and debootstrap
	@$(BIN)/python .ci/image

audit: $(VENV)/.dev  ## list known vulnerabilities of the locked requirements; needs the network
	@$(BIN)/python .ci/audit

sbom: $(VENV)/.project $(VENV)/.dev  ## write dist/sbom.json
	@$(BIN)/python .ci/sbom

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

sizes: $(VENV)/.python  ## count modules and statements, and list what is long
	@$(BIN)/python .ci/sizes

# LOCKFLAGS=--upgrade takes newer versions; without it only necessary changes are made.
lock: $(VENV)/.dev
	$(LOCK) pyproject.toml -o requirements.txt
	$(LOCK) --group build -c requirements.txt -o requirements-build.txt
	$(LOCK) --group dev -c requirements.txt -c requirements-build.txt -o requirements-dev.txt
	$(LOCK) --extra semantic --group semantic -c requirements.txt -c requirements-build.txt \
	  -c requirements-dev.txt pyproject.toml -o requirements-semantic.txt

wheel: $(VENV)/.project  ## build dist/warmline-*.whl
	@$(BIN)/hatchling build -t wheel

clean:  ## delete everything that was built, but not var/, which holds the data
	rm -rf $(VENV) dist site .mypy_cache .ruff_cache .hypothesis

# Stamps: packages are installed again only after the files that list them have changed.

$(VENV)/.python:
	@.ci/python -c ""
	@.ci/python -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Python's venv module does not work; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/.locked: requirements.txt requirements-build.txt | $(VENV)/.python
	@echo "Installing what is locked in requirements.txt (once) ..." >&2
	@$(PIP) --require-hashes -r requirements.txt -r requirements-build.txt
	@touch $@

$(VENV)/.project: pyproject.toml $(VENV)/.locked
	@$(PIP) --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.locked
	@echo "Installing what is locked in requirements-dev.txt (once) ..." >&2
	@$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@

# Without a wheel of atheris, `make fuzz` prints NOT RUN.
$(VENV)/.fuzz: tests/fuzz/atheris.txt $(VENV)/.locked
	@$(PIP) --only-binary :all: --require-hashes -r tests/fuzz/atheris.txt || true
	@touch $@
