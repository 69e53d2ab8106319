# Mini Airflow. `make run` and `make test` are all that a newcomer needs.

SHELL      := bash
.SHELLFLAGS := -euo pipefail -c
BIN        := bin/miniairflow
ADDR       ?= 127.0.0.1:8080
VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS    := -s -w -X main.version=$(VERSION)
GOLANGCI   := .tools/bin/golangci-lint
GOLANGCI_VERSION := v2.15.0

# What the race detector need not watch: SQLite itself, which is C as Go, lives in
# memory of its own and takes twenty times as long under its eyes. The driver and all
# that calls it stay watched.
UNWATCHED := modernc.org/sqlite/lib modernc.org/libc/... modernc.org/memory
RACEFLAGS = $(if $(filter -race,$(GOTESTFLAGS)),$(UNWATCHED:%=-gcflags=%=-race=false))

# Node may be the one that the set-up step put beside the checkout.
export PATH := $(CURDIR)/.tools/node/bin:$(PATH)

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z\/-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Check what the tests need, install it where that is possible
	@scripts/setup.sh

.PHONY: build
build: ## Build bin/miniairflow, with the page where Node >= 20 is there
	@scripts/build-web.sh
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/miniairflow

.PHONY: run
run: build ## Start on 127.0.0.1:8080 (ADDR=) with the example workflows and SQLite
	$(BIN) serve --addr $(ADDR) --dags ./dags

.PHONY: test
test: setup build ## Run all tests: Go on both databases, the page, the browser (GOTESTFLAGS=-race)
	go vet ./...
	cd bench && go vet ./... && go test ./...
	go test -timeout 30m $(GOTESTFLAGS) $(RACEFLAGS) $$(go list ./... | grep -v /chaos)
	go test -count=1 ./chaos
	cd web && npm run --silent test
	cd web && npm run --silent e2e

.PHONY: property
property: ## Play N times (default 100) as many random sequences of store calls and simulated years as the tests do, and every clock change
	go test . -run TestNextFireInAllZones -count=1 -timeout=0 -v -cron.all
	go test ./persistence/persistencetest -run TestRandomCalls -count=1 -timeout=0 -v -property.n=$${N:-100}
	go test ./persistence/persistencetest -run TestYearsOfSlots -count=1 -timeout=0 -v -years.n=$${N:-100}

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (default 60s)
	@scripts/fuzz.sh "$${FUZZTIME:-60s}"

.PHONY: mutations
mutations: ## Read 10,000 harmed workflow files (or MUTATIONS of them)
	go test ./loader -run '^TestParseMutations$$' -v -mutations "$${MUTATIONS:-10000}"

.PHONY: lint
lint: $(GOLANGCI) ## Check style: golangci-lint, the page's linter and types
	$(GOLANGCI) run ./...
	cd bench && ../$(GOLANGCI) run ./...
	cd web && npm run --silent lint && npm run --silent typecheck

$(GOLANGCI):
	GOBIN=$(CURDIR)/.tools/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

.PHONY: fmt
fmt: $(GOLANGCI) ## Format Go and TypeScript
	$(GOLANGCI) fmt ./...
	cd web && npm run --silent fmt

.PHONY: generate
generate: ## Make the generated code and pages anew, from schema.graphqls and loader/reference
	go generate ./...
	cd web && npm run --silent codegen

.PHONY: verify
verify: ## Fail when generated code or go.mod is stale
	@scripts/verify.sh

.PHONY: flood
flood: ## Let tasks print 1 GB as lines and as one line, and watch the memory of their worker
	go test ./runner -run 'TestFloods|TestMillionLines|TestAnyBytes|TestLogIsFollowedLive' -count=1 -v -runner.flood=1000

.PHONY: bench bench/full
bench: build ## Measure beside the machine's limits and write docs/performance.md, 30 minutes (BENCH_SHORT=1: only try it in 2, and write nothing)
	cd bench && go run . $(if $(BENCH_SHORT),-size smoke -anew,-size standard -docs ../docs)

bench/full: build ## The same with more repetitions and the largest sizes, 90 minutes
	cd bench && go run . -size full -docs ../docs

.PHONY: chaos
chaos: ## Harm real processes FAULTS times (default 200) in each way, PARALLEL episodes at once; goes on in RESULTS=
	@scripts/chaos.sh
