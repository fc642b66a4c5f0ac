# `make` alone prints the verbs.
.DEFAULT_GOAL := help
.PHONY: help env up down reset test check generate bench eval lock

help: ## Print the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  \033[1mmake %-9s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: ## Make .venv from the hash-locked requirements (every other verb does it when needed)
	@scripts/bootstrap

up: env ## Start everything, load the demo shops, ask one question and print its answer
	@.venv/bin/chatctl up

down: env ## Stop everything that `make up` started; data stays
	@.venv/bin/chatctl down

reset: env ## Stop everything and forget all data and generated secrets
	@.venv/bin/chatctl reset --yes

check: env ## Lint, types, import rules, declared dependencies, generated files
	@scripts/check

test: env ## Every test, also each service's in an environment of its own; says what was skipped
	@scripts/test

generate: env ## Rewrite every generated file (contracts, broker definitions, configuration reference)
	@scripts/generate

bench: env ## Measure and write docs/benchmarks.md
	@scripts/bench

eval: env ## Measure search on labelled collections, hold talks with the bot: tests/quality
	@scripts/eval

lock: env ## Resolve the requirements again (scripts/lock --upgrade for newer versions)
	@scripts/lock
