# What people type. The build itself is CMake's (CMakePresets.json).
#   make serve   install what is missing, build, serve the example models
#   make test    install what is missing, build, run every test
#   make help    the rest

SHELL := /bin/bash
HTTP ?= 127.0.0.1:8000
METRICS ?= 127.0.0.1:8002
RUN_DIR ?=
JOBS ?= $(shell nproc)
SOAK_MINUTES ?= 45
export JOBS
ifneq ($(shell command -v ccache),)
export CMAKE_CXX_COMPILER_LAUNCHER ?= ccache
endif

.PHONY: help build serve test check format tidy bench bench-engine soak fuzz clean

help:
	@echo 'make serve   build and serve the example models on $(HTTP) (HTTP=ADDRESS:PORT to change;'
	@echo '             METRICS=ADDRESS:PORT and RUN_DIR=FOLDER likewise)'
	@echo 'make build   build/release/sluice'
	@echo 'make test    everything: release, asan and tsan builds and their tests'
	@echo 'make check   before a commit: format, style test, fast tests'
	@echo 'make format  format all C++ files'
	@echo 'make tidy    clang-tidy on the files that differ from main (ALL=1: on all)'
	@echo 'make bench   measure against nginx (needs an idle machine)'
	@echo 'make bench-engine  measure the engine against ONNX Runtime (likewise; needs npm)'
	@echo 'make soak    swaps, kills, stops, reloads and simulations for SOAK_MINUTES=45 (needs an idle machine)'
	@echo 'make fuzz    run each fuzzer for a minute (FUZZ_SECONDS=60)'
	@echo 'make clean   remove build/'

# Tests and benchmarks are part of the build folder when their packages are there.
build:
	@.ci/install build
	@test=OFF; bench=OFF; \
	if .ci/install --have test; then test=ON; fi; \
	if .ci/install --have bench; then bench=ON; fi; \
	cmake --preset release -DSLUICE_TESTS=$$test -DSLUICE_BENCH=$$bench >/dev/null
	@cmake --build build/release -j $(JOBS) --target sluice sluice_engine

serve: build
	@.ci/serve '$(HTTP)' '$(METRICS)' '$(RUN_DIR)'

test:
	@.ci/install build test
	@.ci/test

check:
	@.ci/install build test
	@.ci/format --check
	@cmake --preset release -DSLUICE_TESTS=ON >/dev/null
	@cmake --build build/release -j $(JOBS) --target tests_unit tests_tidy
	@ctest --test-dir build/release -L '^(unit|tidy)$$' -j $(JOBS) --output-on-failure

format:
	@.ci/install check test
	@.ci/format

tidy:
	@.ci/install build test check
	@cmake --preset release -DSLUICE_TESTS=ON >/dev/null
	@cmake --build build/release -j $(JOBS) --target generated
	@.ci/tidy $(if $(ALL),--all,$(BASE))

bench: build
	@.ci/install bench
	@bench/load/run

bench-engine: build
	@.ci/install bench
	@bench/engine/run

soak:
	@.ci/install build test bench
	@cmake --preset release -DSLUICE_TESTS=ON >/dev/null
	@cmake --build build/release -j $(JOBS) --target sluice sluice_engine tests_sim
	@SOAK_MINUTES=$(SOAK_MINUTES) SLUICE_BINARY_DIR=$(CURDIR)/build/release PYTHONDONTWRITEBYTECODE=1 \
	/usr/bin/python3 -m pytest -s -v -p no:cacheprovider tests/soak

fuzz:
	@.ci/install build test check
	@.ci/fuzz $(FUZZ_SECONDS)

clean:
	rm -rf build
