# update-all: build, run, test, install. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PREFIX ?= /usr/local
DESTDIR ?=
SWIFT ?= swift

# What building, testing and the demonstration need from Debian. The test of the plugin for podman, which takes 90 MB, runs
# where that is installed.
PACKAGES := libcap-dev libtomlplusplus-dev
TEST_PACKAGES := user-mode-linux kmod iproute2 e2fsprogs apt-utils dpkg-dev git pipx python3 python3-venv tmux shellcheck ninja-build \
  curl fakeroot sudo opendoas pkexec acl dmsetup nftables mmdebstrap flatpak pacman-package-manager dnf zypper rpm createrepo-c mandoc

# Of make fuzz: how long for each target, and which; without a name all.
SECONDS := 60
TARGETS :=

RELEASE := .build/release
RELEASE_FLAGS := -c release --static-swift-stdlib -Xlinker -s

.PHONY: help deps test-deps build run test lint coverage ci bench bench-starvation fuzz install uninstall clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## install the Debian packages that building needs
	@contrib/build/install-packages $(PACKAGES)

test-deps: ## and those that the tests and the demonstration need
	@contrib/build/install-packages $(PACKAGES) $(TEST_PACKAGES)

build: deps ## the release: .build/release/update-all and its companions
	@$(SWIFT) build $(RELEASE_FLAGS) --product update-all
	@$(SWIFT) build $(RELEASE_FLAGS) --product update-all-guardian
	@$(SWIFT) build $(RELEASE_FLAGS) --product update-all-helper
	@$(SWIFT) build $(RELEASE_FLAGS) --product update-all-sudo

run: test-deps build ## the demonstration: real updates in a directory of their own
	@contrib/demo/run $(RELEASE)/update-all

test: test-deps build ## all tests, in the kernel lab too
	@contrib/build/test

lint: ## format, pure modules, shell scripts
	@contrib/build/lint

coverage: test-deps build ## the tests with the share of lines they reach, by module
	@contrib/build/test --coverage

ci: test-deps lint build ## what CI does: lint, tests, coverage
	@contrib/build/test --coverage

bench: test-deps build ## speed and size beside the peers, in one run
	@$(SWIFT) build $(RELEASE_FLAGS) --product bench-launching
	@contrib/bench/run

bench-starvation: test-deps build ## what a service feels of updates, in the kernel lab: docs/starvation.md
	@contrib/bench/starvation/run

fuzz: deps ## the decoders of what others wrote, SECONDS=60 each; TARGETS="policy …"
	@contrib/fuzz/run --seconds $(SECONDS) $(TARGETS)

install: ## what make build made, to $(DESTDIR)$(PREFIX)
	@[ -x $(RELEASE)/update-all-guardian ] || { echo "nothing is built yet: run make build first, not as root" >&2; exit 1; }
	@install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/update-all \
	  $(DESTDIR)$(PREFIX)/share/update-all/policies $(DESTDIR)$(PREFIX)/share/update-all/plugins \
	  $(DESTDIR)$(PREFIX)/share/update-all/schema $(DESTDIR)$(PREFIX)/share/man/man1
	@install -m 755 $(RELEASE)/update-all $(DESTDIR)$(PREFIX)/bin/
	@install -m 755 $(RELEASE)/update-all-guardian $(RELEASE)/update-all-helper $(DESTDIR)$(PREFIX)/libexec/update-all/
	@install -D -m 755 $(RELEASE)/update-all-sudo $(DESTDIR)$(PREFIX)/libexec/update-all/shim/sudo
	@install -m 644 policies/*.toml $(DESTDIR)$(PREFIX)/share/update-all/policies/
	@install -d "$(DESTDIR)$(PREFIX)/share/update-all/systemd/user@.service.d"
	@install -m 644 contrib/systemd/user@.service.d/*.conf "$(DESTDIR)$(PREFIX)/share/update-all/systemd/user@.service.d/"
	@install -m 644 docs/man/update-all.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	@install -m 644 contrib/sudoers/root-programs.toml $(DESTDIR)$(PREFIX)/share/update-all/
	@install -m 644 contrib/schema/*.json $(DESTDIR)$(PREFIX)/share/update-all/schema/
	@for file in contrib/plugins/*; do \
	  case $$file in *.toml | *.sh) mode=644 ;; *) mode=755 ;; esac; \
	  install -m $$mode "$$file" $(DESTDIR)$(PREFIX)/share/update-all/plugins/; done

uninstall: ## what install put there
	@rm -f $(DESTDIR)$(PREFIX)/bin/update-all $(DESTDIR)$(PREFIX)/share/man/man1/update-all.1
	@rm -rf $(DESTDIR)$(PREFIX)/libexec/update-all $(DESTDIR)$(PREFIX)/share/update-all

clean: ## what a build left
	@rm -rf .build .build-*
