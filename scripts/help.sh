#!/bin/sh
# Prints the targets of the Makefiles given, with the text that stands after their `##`.
echo "Patchbay: a self-hosted plugin registry with an analytics platform behind it."
echo
echo "  make demo     is the place to start: it needs nothing but Python 3.11+, make and git,"
echo "                sets everything up, and prints addresses and a login."
echo
awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", "make " $1, $2 }' "$@"
echo
echo "  Settings are PATCHBAY_* variables (docs/reference/settings.md); state lives in var/ (PATCHBAY_HOME)."
echo "  After set-up the commands are in .venv/bin/patchbay; each one's --help has examples."
