# `make test` runs every test, and first installs what they need where it is missing. `make check` is what CI asks of
# the source before that.

CARGO ?= $(shell command -v cargo || echo "$$HOME/.cargo/bin/cargo")

.PHONY: test check tools botium

# Where what comes from npm is put; no test changes it.
BOTIUM = $(or $(CARGO_TARGET_DIR),target)/botium

# A test that needs a program which is not there counts as skipped; here it fails instead.
test: tools botium
	REQUIRE_SERVICES=1 $(CARGO) test --locked

check: tools
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps

# Cargo; a C compiler, because aws-lc-sys, which TLS and token signatures rest on, is C and assembler (it needs no
# cmake); curl, with which a test pastes the server's own examples; aiosmtpd, the relay that tests send mail to;
# redis-server, which tests start, kill and start again; Chromium with its driver, in which they open the console; Node for
# Botium, which talks to the bot as bot testers do, and for jose, which checks the README's proofs; promtool, which tests
# the alerts, below target: Debian's package would start a Prometheus; and what calls the REST API in tests, in a Python of
# its own below target: schemathesis, and what the recipes need.
tools:
	@set -eu; \
	has() { command -v "$$1" >/dev/null 2>&1; }; \
	smtp() { for python in python3 /usr/bin/python3; do "$$python" -c 'import aiosmtpd' 2>/dev/null && return; done; false; }; \
	missing() { \
		has "$${CC:-cc}" || has gcc || printf 'gcc '; \
		has curl || printf 'curl '; \
		smtp || printf 'python3-aiosmtpd '; \
		has redis-server || printf 'redis-server '; \
		callers || python3 -c 'import ensurepip' 2>/dev/null || printf 'python3-venv '; \
		has node || printf 'nodejs '; \
		has npm || printf 'npm '; \
		has chromium || printf 'chromium '; \
		has chromedriver || printf 'chromium-driver '; \
		has promtool || [ -x target/promtool/promtool ] || printf 'prometheus '; \
	}; \
	callers() { [ -x target/python/bin/schemathesis ] && target/python/bin/python -c 'import rasa_sdk, jwt, cryptography' 2>/dev/null; }; \
	has "$(CARGO)" || { echo "cargo is missing: install Rust from https://rustup.rs" >&2; exit 1; }; \
	packages="$$(missing)"; \
	if [ -n "$$packages" ]; then \
		echo "missing: $$packages; trying to install"; \
		if has apt-get && [ "$$(id -u)" = 0 ]; then root=; elif has sudo; then root=sudo; else root=none; fi; \
		if has apt-get && [ "$$root" != none ]; then \
			$$root apt-get update -qq; \
			case "$$packages" in *prometheus*) \
				packages="$${packages%prometheus*}"; \
				mkdir -p target/promtool; \
				(cd target/promtool && apt-get download -qq prometheus && \
					dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x --strip-components=3 ./usr/bin/promtool; \
					rm -f prometheus_*.deb) ;; \
			esac; \
			case "$$packages" in *gcc*) packages="$$packages libc6-dev" ;; esac; \
			$$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$packages; \
		elif has brew; then \
			case "$$packages" in *aiosmtpd*) python3 -m pip install --user --break-system-packages aiosmtpd ;; esac; \
			packages="$$(printf %s "$$packages" | sed 's/python3-aiosmtpd//; s/python3-venv//; s/redis-server/redis/; s/chromium-driver/chromedriver/')"; \
			set -- $$packages; [ $$# = 0 ] || brew install "$$@"; \
		fi; \
		packages="$$(missing)"; \
		[ -z "$$packages" ] || { \
			echo "still missing: $$packages; install it and try again" \
				"(Debian: apt-get install gcc libc6-dev curl python3-aiosmtpd python3-venv redis-server nodejs npm chromium chromium-driver prometheus;" \
				"macOS: xcode-select --install, pip3 install aiosmtpd, brew install redis node chromium chromedriver prometheus)" >&2; \
			exit 1; \
		}; \
	fi; \
	callers || { \
		echo "missing: schemathesis, rasa-sdk, PyJWT; installing them below target"; \
		python3 -m venv target/python; \
		target/python/bin/pip install --quiet 'schemathesis>=4,<5' 'rasa-sdk>=3,<4' 'pyjwt[crypto]>=2,<3'; \
	}

botium: tools
	@[ -d "$(BOTIUM)/node_modules/botium-core" ] && [ -d "$(BOTIUM)/node_modules/jose" ] || { \
		mkdir -p "$(BOTIUM)"; \
		npm install --prefix "$(BOTIUM)" --no-audit --no-fund --ignore-scripts --loglevel=error \
			botium-core@1.15.13 botium-connector-koreai-webhook@0.0.2 jose@6.2.18; \
	}
