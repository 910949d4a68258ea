# Two commands do everything on a fresh machine: `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
TOOLS := build/tools/bin
UV_VERSION := 0.13.9
VERSITYGW := github.com/versity/versitygw/cmd/versitygw@v1.8.0
AZURITE := 3.37.0
FAKE_GCS := github.com/fsouza/fake-gcs-server@v1.56.1
export PATH := $(CURDIR)/$(TOOLS):$(PATH)
export OPENBLAS_NUM_THREADS := 1

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  \033[36mmake %-16s\033[0m %s\n", $$1, $$2}'

.PHONY: demo
demo: install ## Set up, build a small archive of real photographs, and clean it: the report lands in build/demo/
	@$(BIN)/python -W ignore -m demo

.PHONY: test
test: install tools-servers tools-flink ## Set up and run all tests but the slow ones, real servers included
	@$(BIN)/python -m pytest -m "not slow"

.PHONY: test-slow
test-slow: install tools ## Run the slow tests: clusters, Spark, fuzzing, a browser
	@$(BIN)/python -m pytest -m slow --timeout 1800

.PHONY: install
install: .venv/.installed ## Make .venv from the lock file

.venv/.installed: requirements.lock setup.py pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@echo "Installing the locked packages (about 2 GB with the test servers; a minute or two) ..."
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

.PHONY: lock
lock: ## Resolve the dependencies again into requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --all-extras --custom-compile-command "make lock" pyproject.toml -o requirements.lock

.PHONY: tools
tools: tools-servers tools-engines tools-browser ## Install the pinned servers, engines and Debian's chromium

.PHONY: tools-servers
tools-servers: ## Install versitygw (S3) and fake-gcs-server (GCS) by Go, Azurite (Azure Blob) by npm
	@./tools/servers.sh $(TOOLS) $(VERSITYGW) $(FAKE_GCS)
	@./tools/azurite.sh $(dir $(TOOLS)) $(AZURITE)

.PHONY: tools-flink
tools-flink: ## Fetch Flink with Beam's job server (115 MB of jars); needs Java and Maven
	@./tools/engines.sh build/tools flink || [ "$(CI)" != true ]

.PHONY: tools-engines
tools-engines: ## Fetch every engine: Flink's job server and cluster, Spark, Prism; needs Java, Maven and Go
	@./tools/engines.sh build/tools || [ "$(CI)" != true ]

.PHONY: flink
flink: install tools-flink ## Run a Flink for `mirrorfold run --engine=flink`, or a job server for FLINK_MASTER=host:8081
	@./tools/job_server.sh build/tools flink $(FLINK_MASTER)

.PHONY: spark
spark: install ## Run a local Spark for `mirrorfold run --engine=spark`
	@./tools/engines.sh build/tools spark && ./tools/job_server.sh build/tools spark $(SPARK_MASTER)

.PHONY: tools-browser
tools-browser: ## Install Debian's chromium and firefox-esr for the browser tests
	@./tools/browser.sh

.PHONY: docs
docs: install ## Build the documentation's site into build/site; a link that leads nowhere ends it
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict && echo "build/site/index.html"

.PHONY: pictures
pictures: install ## Draw the README's pictures: the finished demo and its pages, and a terminal with a first run
	@$(BIN)/python -W ignore -m docs.pictures.make
	@$(BIN)/python -W ignore -m docs.pictures.pages
	@$(BIN)/python -W ignore -m docs.pictures.recording

.PHONY: lint
lint: install ## Check style and imports
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

.PHONY: typecheck
typecheck: install ## Check types
	@$(BIN)/mypy -p mirrorfold

.PHONY: check
check: install ## The inner loop: style, types, and the unit tests of the rooms that differ from main
	@$(BIN)/ruff check -q . && $(BIN)/ruff format -q --check .
	@$(BIN)/mypy -p mirrorfold
	@$(BIN)/python -m tools.changed_tests

.PHONY: bench
bench: install tools-servers ## Print every ratio that the docs quote, beside its yardstick
	@$(BIN)/python -W ignore -m benchmarks

.PHONY: standard-scores
standard-scores: install ## Build the suite of standard/ into build/standard/ and score what mirrorfold and its peers answer
	@rm -rf build/standard && $(BIN)/python -m standard.suite.build build/standard
	@$(BIN)/python -W ignore -m standard.adapters.mirrorfold build/standard build/standard/mirrorfold.csv
	@$(BIN)/python -m standard.score build/standard build/standard/mirrorfold.csv
	@test -x build/peers/bin/python || $(PYTHON) -m venv build/peers
	@build/peers/bin/pip install --quiet --disable-pip-version-check imagehash==4.3.2 pdqhash==0.2.8 PyYAML
	@for tool in imagehash pdq; do echo "$$tool:"; build/peers/bin/python -m standard.adapters.hashes $$tool build/standard \
	  build/standard/$$tool.csv && $(BIN)/python -m standard.score build/standard build/standard/$$tool.csv | tail -n 3; done
	@! command -v fclones > /dev/null || { echo "fclones:"; $(BIN)/python -m standard.adapters.fclones build/standard \
	  build/standard/fclones.csv && $(BIN)/python -m standard.score build/standard build/standard/fclones.csv | tail -n 3; }

.PHONY: clean
clean: ## Remove what was built, but not .venv and the tools
	@rm -rf build/demo build/demo-archive build/lib src/*.egg-info
