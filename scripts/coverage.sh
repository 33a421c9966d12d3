#!/bin/sh
# Every branch of jobs and webhooks is taken by their own tests, on both databases; killed processes do not count.
# SQLAlchemy runs its driver's coroutines in greenlets, which coverage has to be told.
set -e
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
printf '[run]\nbranch = True\nconcurrency = greenlet, thread\ndata_file = %s/data\n' "$folder" >"$folder/coveragerc"
run_tests() {
    .venv/bin/python -m pytest -q -m "not soak and not slow" --cov-config="$folder/coveragerc" --cov-report=term-missing:skip-covered \
        --cov=registry_api.jobs --cov=registry_api.webhooks --cov-fail-under=100 "$@"
}
run_tests tests/registry_api/jobs tests/registry_api/webhooks
