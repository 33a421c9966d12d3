#!/bin/sh
# Every branch of tenancy, access, audit, idempotency, jobs and webhooks is taken by the tests below, on SQLite and PostgreSQL together;
# killed processes do not count. SQLAlchemy runs its driver's coroutines in greenlets, which coverage has to be told.
set -e
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
printf '[run]\nbranch = True\nconcurrency = greenlet, thread\ndata_file = %s/data\n' "$folder" >"$folder/coveragerc"
for package in patchbay.core.audit registry_api.access registry_api.audit registry_api.caller registry_api.idempotency \
    registry_api.identity registry_api.jobs registry_api.tenancy registry_api.webhooks; do
    set -- "$@" "--cov=$package"
done
for place in audit automation/acting/test_changes.py catalog/sharing/test_leaving.py idempotency identity jobs subjects \
    tenancy test_selecting.py webhooks; do
    set -- "$@" "tests/registry_api/$place"
done
.venv/bin/python -m pytest -q -m "not soak and not slow" --cov-config="$folder/coveragerc" \
    --cov-report=term-missing:skip-covered --cov-fail-under=100 "$@" tests/core/audit
