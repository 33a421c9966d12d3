"""Versions of four schemes, and a sort key whose plain string comparison is each scheme's own order.

semver is SemVer 2.0.0 (§11), pep440 is PEP 440, jenkins is the order of Jenkins' VersionNumber (Maven's, with
incremental versions), opaque is natural text order. Keys hold digits only, so all database collations order them alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from patchbay.core.versions import jenkins, opaque, pep440, semver
from patchbay.core.versions.encoding import Malformed

VersionScheme = Literal["semver", "pep440", "jenkins", "opaque"]
SCHEMES: tuple[VersionScheme, ...] = get_args(VersionScheme)
LONGEST = 200
"""Longest version, in characters, in any scheme. A key can take a few times as many."""

_ANALYSERS: dict[str, Callable[[str], tuple[str, bool]]] = {
    "semver": semver.analyse,
    "pep440": pep440.analyse,
    "jenkins": jenkins.analyse,
    "opaque": opaque.analyse,
}


class InvalidVersion(ValueError):
    """The text is no version of the scheme."""

    def __init__(self, version: str, scheme: str, reason: str) -> None:
        super().__init__(f"{version[:80]!r} is no {scheme} version: {reason}")
        self.version = version
        self.scheme = scheme
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ParsedVersion:
    """A valid version. Equal keys mean equal precedence, not always equal text (`1.0` and `1.0.0` in pep440)."""

    version: str
    scheme: str
    sort_key: str
    prerelease: bool


@lru_cache(maxsize=16384)
def parse(version: str, scheme: str) -> ParsedVersion:
    """What a version is; raises `InvalidVersion`, also for an unknown scheme. The text is kept as written."""
    if scheme not in _ANALYSERS:
        raise InvalidVersion(version, scheme, f"unknown scheme; use one of {', '.join(SCHEMES)}")
    if not 0 < len(version) <= LONGEST:
        raise InvalidVersion(version, scheme, f"must have 1 to {LONGEST} characters, has {len(version)}")
    try:
        key, prerelease = _ANALYSERS[scheme](version)
    except Malformed as error:
        raise InvalidVersion(version, scheme, str(error)) from error
    return ParsedVersion(version, scheme, key, prerelease)


def validate(version: str, scheme: str) -> str:
    """The version unchanged; raises `InvalidVersion`."""
    return parse(version, scheme).version


def sort_key(version: str, scheme: str) -> str:
    """Digits that compare as strings the way the scheme orders versions; raises `InvalidVersion`."""
    return parse(version, scheme).sort_key


def is_prerelease(version: str, scheme: str) -> bool:
    """Whether the scheme says it comes before a release (never for opaque); raises `InvalidVersion`."""
    return parse(version, scheme).prerelease
