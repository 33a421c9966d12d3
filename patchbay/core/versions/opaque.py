"""Versions of no known scheme: natural text order, digit runs by their value."""

import re

from patchbay.core.versions.encoding import Malformed, number, text


def analyse(version: str) -> tuple[str, bool]:
    """Sort key, and False: nothing says what a prerelease would be."""
    if not version.isprintable() or version != version.strip() or "/" in version:
        raise Malformed("must be printable, without / and without space at either end")
    runs = re.findall(r"[0-9]+|[^0-9]+", version)
    return "".join(f"1{number(run)}" if run[0] in "0123456789" else f"2{text(run)}" for run in runs) + "0", False
