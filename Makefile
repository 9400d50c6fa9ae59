# Everything a developer runs. `make` lists the targets; CONTRIBUTING.md explains them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO ?= go

# Every module of the workspace; the tools have their own, apart from it.
MODULES := $(sort $(patsubst ./%,%,$(patsubst %/,%,$(dir $(shell find . -name go.mod \
	-not -path './tools/*' -not -path '*/testdata/*' -not -path '*/.*/*')))))
PATTERNS := $(foreach module,$(MODULES),$(if $(filter .,$(module)),./...,./$(module)/...))

# The linters take minutes to build: once for each version of their module and of Go.
TOOLS = $(shell $(GO) env GOCACHE)/annals-tools/$(shell cat tools/go.mod tools/go.sum \
	<($(GO) env GOVERSION GOOS GOARCH) | sha256sum | cut -c1-16)

# Built without C: it is what installs the compiler that the race detector needs.
WITHSERVERS := CGO_ENABLED=0 $(GO) run ./internal/testdb/cmd/withservers

# each runs $(1) in every module that has Go files, on its own, as its users build it.
define each
for module in $(MODULES); do \
	if ! find "$$module" -name '*.go' -print -quit | grep -q .; then continue; fi; \
	echo "-- $$module: $(strip $(2))"; \
	( cd "$$module"; export GOWORK=off; $(1) ); \
done
endef

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# A program under the race detector sleeps a second before it exits, if nobody says
# otherwise; tests run many programs.
.PHONY: test
test: ## test every module with the race detector, on throwaway database servers
	$(WITHSERVERS) -compiler -- env CGO_ENABLED=1 GORACE=atexit_sleep_ms=10 \
		$(GO) test -race -timeout 30m $(TESTFLAGS) $(PATTERNS)

.PHONY: test-modules
test-modules: ## test every module without the workspace, as its users get it
	@$(WITHSERVERS) -- $(MAKE) --no-print-directory _test-modules

.PHONY: _test-modules
_test-modules:
	@$(call each,$(GO) test $(TESTFLAGS) ./...,test)

.PHONY: servers
servers: ## start the database servers, print their variables, keep them until interrupted
	@$(WITHSERVERS) -serve

.PHONY: bench
bench: ## measure; see CONTRIBUTING.md for how to read it
	$(WITHSERVERS) -- $(GO) run ./internal/itest/cmd/bench $(BENCHFLAGS)

.PHONY: demo
demo: ## run the demo on an embedded SQLite database
	$(GO) run ./cmd/annals demo

.PHONY: lint
lint: lint-tidy lint-build lint-versions lint-generate lint-code ## every check that is no test

.PHONY: lint-tidy
lint-tidy: ## go.mod and go.sum of every module are tidy
	@$(call each,$(GO) mod tidy -diff,go mod tidy)

.PHONY: lint-build
lint-build: ## every module builds and vets without the workspace
	@$(call each,$(GO) build ./... && $(GO) vet ./...,build and vet)

.PHONY: lint-versions
lint-versions: ## the SQLite driver and the C library it was built with have one version everywhere
	@for module in modernc.org/sqlite modernc.org/libc; do \
		versions=$$(grep -hE "^(require)?[[:space:]]*$$module v" $(addsuffix /go.mod,$(MODULES)) \
			| grep -oE 'v[0-9][^ ]*' | sort -u); \
		if [ "$$(wc -w <<<"$$versions")" -gt 1 ]; then \
			echo "$$module has several versions:" $$versions >&2; exit 1; \
		fi; \
	done

# The state of the files before and after, so that it works with uncommitted changes too.
state = git ls-files -z --cached --others --exclude-standard | xargs -0 sha256sum 2>/dev/null || true

.PHONY: lint-generate
lint-generate: ## generated files are up to date
	@before=$$($(state)); $(MAKE) --no-print-directory generate; after=$$($(state)); \
	if ! diff <(echo "$$before") <(echo "$$after"); then \
		echo "generated files were out of date: commit what make generate changed" >&2; exit 1; \
	fi

.PHONY: lint-code
lint-code: tools ## linters and formatting
	@$(call each,"$(TOOLS)/golangci-lint" run --config "$(CURDIR)/.golangci.yml" ./...,golangci-lint)

.PHONY: fmt
fmt: tools ## format every module
	@$(call each,"$(TOOLS)/golangci-lint" fmt --config "$(CURDIR)/.golangci.yml" ./...,format)

.PHONY: generate
generate: ## run the generators of every module
	@$(call each,$(GO) generate ./...,go generate)

.PHONY: tools
tools: ## build the linters and benchstat
	@if [ ! -x "$(TOOLS)/golangci-lint" ]; then \
		echo "building the tools, once: some minutes"; \
		mkdir -p "$(TOOLS).new"; \
		( cd tools; GOWORK=off $(GO) build -o "$(TOOLS).new/" tool ); \
		rm -rf "$(TOOLS)"; mv "$(TOOLS).new" "$(TOOLS)"; \
	fi

.PHONY: clean
clean: ## remove what the targets built here
	rm -rf .bin
	rm -rf "$(shell $(GO) env GOCACHE)/annals-tools"
