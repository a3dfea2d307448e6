# make help lists the targets. Every target that runs Python sets up .venv first, once.

# The first interpreter that really runs and is new enough (a pyenv shim may exist and not run).
PYTHON ?= $(shell for python in python3.11 python3 python; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$python && break; done)
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup train serve dashboard pictures test lint types bench soak lock validators clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s%s\n", $$1, $$2 }' Makefile

setup: ## install the locked environment into .venv (a second call does nothing)
	@test -n "$(PYTHON)" || { echo "set-up: Python 3.11, 3.12 or 3.13 is needed" >&2; exit 1; }
	@$(PYTHON) scripts/set_up.py

train: setup ## build the data, train, evaluate and register a model
	$(BIN)/python run.py --pipeline train

serve: setup ## answer over HTTP and open the console on 127.0.0.1:3000 (AUTH=1: keys needed)
	$(BIN)/python scripts/serve.py

dashboard: setup ## open ZenML's and MLflow's dashboards on what has run here
	$(BIN)/python scripts/dashboard.py

pictures: setup ## take the pictures of the README from the newest training
	$(BIN)/python scripts/pictures.py

test: lint types ## lint, types and tests
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: setup ## ruff, the formatter, the import contracts and a scan for secrets
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	git ls-files -z ':!requirements.lock' ':!infra/*.txt' ':!.secrets.baseline' \
		| xargs -0 $(BIN)/detect-secrets-hook --baseline .secrets.baseline

types: setup ## mypy --strict on assay and bento
	$(BIN)/mypy

bench: setup ## measure speed and memory, each as a ratio within one run
	$(BIN)/python -m benchmarks

soak: setup ## mixed load on the service for MINUTES (30): latency, memory, status codes
	$(BIN)/python -m benchmarks.soak

lock: setup ## write requirements.lock and the validators' pins (UPGRADE=1 for newer versions)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python scripts/lock.py $(if $(UPGRADE),--upgrade)
	for name in validators checkov; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --only-binary :all: \
			--generate-hashes --no-header $(if $(UPGRADE),--upgrade) \
			--output-file infra/$$name.txt infra/$$name.in >/dev/null || exit 1; \
	done

validators: setup ## install what judges infra/ and the workflows beside .venv
	@$(BIN)/python -m scripts.validators

clean: ## remove the environments and tool caches; datasets, models and runs in .assay stay
	rm -rf .venv .venv-validators .venv-checkov .assay/cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
