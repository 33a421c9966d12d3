"""PEP 440; grammar of its appendix B, order of its section on summary of permitted suffixes and relative ordering."""

import re
from itertools import dropwhile

from patchbay.core.versions.encoding import Malformed, number, text

_VERSION = re.compile(
    r"""v?(?:(?P<epoch>[0-9]+)!)?(?P<release>[0-9]+(?:\.[0-9]+)*)
    (?:[-_.]?(?P<phase>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre>[0-9]+)?)?
    (?:-(?P<post_implicit>[0-9]+)|(?P<post_word>[-_.]?(?:post|rev|r)[-_.]?(?P<post>[0-9]+)?))?
    (?P<dev_word>[-_.]?dev[-_.]?(?P<dev>[0-9]+)?)?
    (?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?\Z""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_PHASES = {"a": "1", "alpha": "1", "b": "2", "beta": "2", "c": "3", "rc": "3", "pre": "3", "preview": "3"}


def analyse(version: str) -> tuple[str, bool]:
    """Sort key and whether it is a pre-release or a development release."""
    found = _VERSION.match(version)
    if not found:
        raise Malformed("expected N(.N)* with optional N!, {a|b|rc}N, .postN, .devN and +local")
    part = {name: value for name, value in found.groupdict().items() if value is not None}
    is_dev, is_pre = "dev_word" in part, "phase" in part
    key = number(part.get("epoch", "0")) + _release(part["release"]) + _pre(part) + _post(part)
    key += f"0{number(part.get('dev', '0'))}" if is_dev else "9"
    return key + _local(part.get("local")), is_dev or is_pre


def _release(release: str) -> str:
    significant = dropwhile(lambda part: not part.strip("0"), reversed(release.split(".")))
    return "".join(f"1{number(part)}" for part in reversed(list(significant))) + "0"


def _pre(part: dict[str, str]) -> str:
    if "phase" in part:
        return f"1{_PHASES[part['phase'].lower()]}{number(part.get('pre', '0'))}"
    only_dev = "dev_word" in part and "post_word" not in part and "post_implicit" not in part
    return "0" if only_dev else "9"


def _post(part: dict[str, str]) -> str:
    if "post_word" in part or "post_implicit" in part:
        return f"1{number(part.get('post') or part.get('post_implicit') or '0')}"
    return "0"


def _local(local: str | None) -> str:
    if local is None:
        return "0"
    parts = re.split(r"[-_.]", local.lower())
    return "1" + "".join(f"2{number(part)}" if part.isdecimal() else f"1{text(part)}" for part in parts) + "0"
