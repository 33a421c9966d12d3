#!/bin/sh
# Every check of `make lint`, each with its time; all run, so that one call shows all that is wrong.
bin=.venv/bin
failed=0
export NO_MKDOCS_2_WARNING=1
check() {
    title=$1
    shift
    started=$(date +%s)
    if output=$("$@" 2>&1); then
        echo "  ok      $title ($(($(date +%s) - started)) s)"
    else
        failed=1
        echo "  FAILED  $title: $*"
        echo "$output"
    fi
}
trap 'exit 130' INT TERM
check "ruff check" $bin/ruff check --quiet .
check "ruff format" $bin/ruff format --check --quiet .
check "mypy --strict" $bin/mypy
check "import contract" $bin/lint-imports --no-cache
check "docs build" $bin/mkdocs build --strict --site-dir site
exit $failed
