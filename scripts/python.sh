#!/bin/sh
# Prints the first CPython 3.11-3.13 of this machine: $PYTHON when set, python3, then the named versions.
# Each candidate is run, because version managers leave commands on PATH that do not start.
for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info < (3, 14) and sys.implementation.name == "cpython"))' 2>/dev/null; then
        echo "$candidate"
        exit 0
    fi
done
echo "Patchbay needs CPython 3.11, 3.12 or 3.13: apt-get install -y python3.11 (or set PYTHON=/path/to/python)" >&2
exit 1
