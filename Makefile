# `make` prints this help. Two targets matter: `make up` and `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BROKER  := assets/broker/volundr-session-linux-
CLUSTER := runtime/kubernetes/cluster
LDFLAGS := -s -w -X main.version=$(VERSION)
SOURCES := $(shell find . -name '*.go' -not -name '*_test.go' -not -path './.cache/*' -not -path './$(CLUSTER)/*') $(shell find assets -type f -not -path 'assets/broker/volundr-session-*') go.mod go.sum

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | sort | expand -t 14

up: volundr ## build, find (or install) a Docker engine, start the daemon, print a login link
	@./volundr up

build: volundr ## the executable, ./volundr

volundr: $(BROKER)amd64.gz $(BROKER)arm64.gz $(SOURCES)
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $@ .

# The program inside a session, for both architectures, embedded into volundr:
# packed, for the daemon needs it once in a while only.
# No version is stamped into it: the same source gives the same bytes, and so
# the same session image.
$(BROKER)%.gz: $(shell find runtime -name '*.go' -not -name '*_test.go' -not -path '$(CLUSTER)/*') go.mod go.sum
	CGO_ENABLED=0 GOOS=linux GOARCH=$* $(GO) build -trimpath -buildvcs=false -ldflags '-s -w -buildid=' -o $(BROKER)$* ./runtime/broker/cmd
	gzip -9nf $(BROKER)$*

generate: ## templ files → Go, routes and their types → the OpenAPI document
	$(GO) tool templ generate -path ./ui -lazy
	$(GO) test -count=1 -run '^TestTheDocument$$' ./daemon/api -update

check: $(BROKER)amd64.gz $(BROKER)arm64.gz ## format, vet, lint, generated files and go.mod up to date
	@bash .ci/check

setup: ## install what the tests need (Debian/Ubuntu as root, or SETUP=1)
	@bash .ci/setup

test: ## every test, end-to-end included
	@bash .ci/test

fuzz: ## every fuzzer, for FUZZ_SECONDS (90) in all; a part of make test
	@bash .ci/fuzz

test-kube: ## of them, those on Kubernetes: on a real single-node cluster (root; minutes the first time)
	@bash .ci/test-kube

cluster-up: ## a single-node Kubernetes to develop against (root; minutes the first time)
	@cluster=$$(bash $(CLUSTER)/build.sh) && "$$cluster" up

cluster-down: ## end it
	@cluster=$$(bash $(CLUSTER)/build.sh) && "$$cluster" down

bench: volundr ## one table: the product against what it stands on (some minutes; ARGS="-only start -json")
	@$(GO) run ./daemon/bench $(ARGS)

clean: ## what make built
	rm -rf volundr assets/broker/volundr-session-* .cache

.PHONY: help up build generate check setup test fuzz test-kube cluster-up cluster-down bench clean
