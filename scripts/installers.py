"""What pip was told about this machine, said again to uv, which does not read pip's configuration."""

import re
import shlex
from collections.abc import Mapping

SAME_MEANING = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
}
"""pip's option and the variable that tells uv the same."""
COMMA_SEPARATED = {"UV_FIND_LINKS"}
OLDER_NAMES = {"UV_DEFAULT_INDEX": "UV_INDEX_URL", "UV_INDEX": "UV_EXTRA_INDEX_URL"}


def environment_for_uv(environment: Mapping[str, str], pip_config: str) -> dict[str, str]:
    """The environment uv runs with: as given, plus pip's settings where uv was told nothing.

    `pip_config` is the output of `pip config list`: lines such as `global.index-url='…'` or `:env:.find-links='…'`.
    """
    untold = {
        variable: value
        for variable, value in _settings(pip_config).items()
        if variable not in environment and OLDER_NAMES.get(variable, variable) not in environment
    }
    # pip takes the best file of any index, uv the first index that has the name; the lock's hashes keep this safe.
    equals = {"UV_INDEX_STRATEGY": "unsafe-best-match"} if "UV_INDEX" in untold else {}
    return {**equals, **environment, **untold}


def _settings(pip_config: str) -> dict[str, str]:
    """uv's variables by pip's lines; a variable of the environment stands last and wins, as in pip."""
    lines = [
        m for line in pip_config.splitlines() if (m := re.fullmatch(r"(global|install|:env:)\.([a-z-]+)=(.*)", line))
    ]
    ordered = sorted(lines, key=lambda m: ("global", "install", ":env:").index(m[1]))
    found: dict[str, str] = {}
    for match in ordered:
        if variable := SAME_MEANING.get(match[2]):
            words = " ".join(shlex.split(match[3])).split()
            found[variable] = ("," if variable in COMMA_SEPARATED else " ").join(words)
    return found


def pinned(lock: str, name: str) -> str:
    """One package's block of the lock, version and hashes, for an installer that runs before uv is there."""
    match = re.search(rf"^{re.escape(name)}==.*?(?=^\S|\Z)", lock, re.MULTILINE | re.DOTALL)
    if match is None:
        raise LookupError(f"{name} is not in the lock")
    return re.sub(r"^\s+#.*\n", "", match[0], flags=re.MULTILINE)
