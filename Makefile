# Umbrella. `make` alone tells what there is.

VERSION ?= $(shell sed -n 's/^PKG_VERSION:=//p' openwrt/Makefile)
GOFLAGS_BUILD := -trimpath $(shell sed '/^\#/d' scripts/goflags) -ldflags "-s -w -X main.version=$(VERSION)"
# Where `make run` keeps its CA and certificate.
STATE_DIR ?= $(CURDIR)/.state

.PHONY: help run build test test-packages test-network test-attacks test-clock test-image lint fmt bench proto tools

help:
	@echo 'make run     build and start the daemon; it prints the address to open'
	@echo 'make build   bin/umbrellad: stripped, static, with the web client inside'
	@echo 'make test    install what tests need, and run all of them'
	@echo 'make test-packages  those of the OpenWrt packages, for all architectures'
	@echo 'make test-network  only those over narrow and lossy links; as root'
	@echo 'make test-attacks  each attack on the daemon by itself too; as root'
	@echo 'make test-clock  that calls go on when the clock is set'
	@echo 'make test-image  the container image, in Docker; as root where none runs'
	@echo 'make lint    vet, staticcheck, gofmt, types, eslint, buf, shellcheck'
	@echo 'make fmt     format Go and protobuf'
	@echo 'make bench   measure the daemon under load, for docs/performance.md'
	@echo 'make proto   generate code from proto/'
	@echo 'make ipk     OpenWrt packages, .ipk and .apk; ARCH=mipsel_24kc for others than'
	@echo '             aarch64_cortex-a53, ARCH=all for all'
	@echo 'make feed    a signed package feed of all architectures for any web server;'
	@echo '             make feed-keys makes its keys, once; see docs/openwrt.md'
	@echo 'make image   container image for servers, with Docker; see docs/cloud.md'
	@echo 'make sbom    what the daemon is made of, as CycloneDX'
	@echo 'make audit   known vulnerabilities in that, where their databases are reached'
	@echo 'make manual  the manual page and docs/commands.md anew, after internal/usage was changed'
	@echo 'make licenses  docs/third-party.txt anew, after modules were changed'
	@echo 'make dist    the release tarball; URL=… also writes the packages for OpenWrt'"'"'s feeds'

run: build
	@mkdir -p '$(STATE_DIR)'
	UMBRELLA_STATE_DIR='$(STATE_DIR)' bin/umbrellad

build: web
	CGO_ENABLED=0 go build $(GOFLAGS_BUILD) -o bin/umbrellad ./cmd/umbrellad

# The web client: what lies in web/dist goes into the daemon.
.PHONY: web
web: web/node_modules/.installed
	cd web && npm run --silent build

web/node_modules/.installed: web/package.json web/package-lock.json
	@scripts/need go node npm
	cd web && npm ci --no-fund --no-audit
	@touch $@

test/browser/node_modules/.installed: test/browser/package.json test/browser/package-lock.json
	@scripts/need node npm
	cd test/browser && npm ci --no-fund --no-audit
	@touch $@

# What the tests need besides Go and Node: browsers and shells.
tools: web/node_modules/.installed test/browser/node_modules/.installed
	@scripts/install-tools

test: tools
	@scripts/test

# As CI does: all architectures, which takes minutes the first time.
test-packages: build tools
	PACKAGE_ARCH=all go test -timeout 20m -run TestPackages ./test/openwrt

test-network: build tools
	@test/network/run

# Each attack alone as well: "make test" tries most of them together only.
test-attacks: build
	go test -count=1 -v ./test/attacks

# Daemons whose clock is set by years while they run, with a standard library that lets
# it be set for them alone.
test-clock: build
	CLOCK_TEST=1 go test -count=1 -v ./test/clock

test-image: web tools
	@test/image/run

lint: web/node_modules/.installed
	@scripts/lint

fmt: web/node_modules/.installed
	gofmt -w $$(git ls-files '*.go' ':!:*.pb.go')
	cd proto && ../web/node_modules/.bin/buf format -w

# BENCH adds flags, such as --vs NAME=WHIP,WHEP,PID for another server.
bench: build
	go test -run '^$$' -bench . -benchmem ./internal/forward ./internal/rtc ./internal/codec ./internal/bandwidth
	go run ./bench -svg docs/performance.svg -table-in docs/performance.md $(BENCH)

proto: web/node_modules/.installed
	cd proto && ../web/node_modules/.bin/buf generate

# Installable on OpenWrt, without its SDK.
ARCH ?= aarch64_cortex-a53

.PHONY: ipk apk
ipk apk: web
	cd scripts/pack && go run . -root ../.. -out ../../bin/packages -arch '$(ARCH)'

# A directory from which opkg and apk install; scripts/feed says what can be set.
.PHONY: feed feed-keys
feed: web
	@FEED_KEYS='$(FEED_KEYS)' FEED_URL='$(FEED_URL)' ARCH='$(if $(filter command line,$(origin ARCH)),$(ARCH))' scripts/feed
feed-keys:
	@FEED_KEYS='$(FEED_KEYS)' scripts/feed keys

# What servers run: deploy/ says how. IMAGE names it, ARCH=arm64 is for others.
.PHONY: image
image: web
	@IMAGE='$(IMAGE)' ARCH='$(if $(filter command line,$(origin ARCH)),$(ARCH))' scripts/image '$(VERSION)'

.PHONY: sbom audit licenses
sbom: web/node_modules/.installed
	@scripts/audit/sbom
audit: web/node_modules/.installed test/browser/node_modules/.installed
	@scripts/audit/run
licenses: web/node_modules/.installed
	go run ./scripts/supply >docs/third-party.txt.new
	@mv docs/third-party.txt.new docs/third-party.txt

.PHONY: manual
manual:
	go run ./scripts/manual

.PHONY: dist
dist: web/node_modules/.installed
	scripts/dist $(URL)
