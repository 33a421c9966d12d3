"""SemVer 2.0.0; the grammar and the order are those of https://semver.org, §9 to §11."""

import re

from patchbay.core.versions.encoding import Malformed, number, text

_NUMBER = r"(0|[1-9][0-9]*)"
_IDENTIFIER = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?\Z"
)


def analyse(version: str) -> tuple[str, bool]:
    """Sort key and whether it is a prerelease. Build metadata does not count (§10): such versions have equal keys."""
    found = _VERSION.match(version)
    if not found:
        raise Malformed("expected MAJOR.MINOR.PATCH with optional -prerelease and +build, no leading zeros")
    core = "".join(number(part) for part in found.group(1, 2, 3))
    prerelease = found.group(4)
    if prerelease is None:
        return f"{core}9", False
    return f"{core}1{''.join(map(_identifier, prerelease.split('.')))}0", True


def _identifier(identifier: str) -> str:
    return f"1{number(identifier)}" if identifier.isdecimal() else f"2{text(identifier)}"
