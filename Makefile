# Every target works on a fresh machine with Go and make.
GO      ?= go
BIN      = bin/mxsweep
FUZZTIME ?= 10s

.PHONY: help build demo test torture race lint fuzz bench soak generate clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/mxsweep
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN) ./cmd/mxsweep

demo: build ## scan an embedded fleet on loopback, no network needed
	$(BIN) demo

test: ## run all tests
	$(GO) test ./...

torture: ## kill, starve and resume a scan of 5,000 endpoints on loopback, some minutes
	$(GO) test ./cmd/mxsweep -run '^TestTorture$$' -torture -v -timeout 30m

race: ## run all tests with the race detector
	$(GO) test -race ./...

lint: ## gofmt, vet and staticcheck
	@test -z "$$(gofmt -l cmd scanner resolver output)" || { gofmt -l cmd scanner resolver output; exit 1; }
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

fuzz: ## run every fuzz target for FUZZTIME (10s)
	@$(GO) list -f '{{.ImportPath}}' ./... | while read -r pkg; do \
		$(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' | while read -r target; do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x $$pkg || exit 1; \
		done || exit 1; \
	done

bench: build ## measure beside the machine's limit and other scanners, then the Go benchmarks
	$(GO) run ./cmd/bench -o bin/bench.ndjson $(BENCHFLAGS) $(BIN)
	$(GO) test -run '^$$' -bench . -benchmem ./...

SOAK ?= 30m
soak: ## scan hostile servers on loopback for SOAK (30m), watching memory, goroutines and descriptors
	SOAK=$(SOAK) $(GO) test -run '^TestSoak$$' -v -timeout 0 ./cmd/mxsweep

generate: ## make the generated files anew
	$(GO) generate ./...

clean: ## remove what was built and what the demo wrote
	rm -rf bin demo
