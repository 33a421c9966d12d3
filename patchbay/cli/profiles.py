"""Profiles: registries that the command line knows by name, each with its address, token and tenant.

They stand in `$XDG_CONFIG_HOME/patchbay/config.toml` (default `~/.config`), which only its owner may read.
"""

import os
import stat
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from patchbay.cli.errors import CommandError, UsageError

VARIABLE = "PATCHBAY_PROFILE"
OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class Profile:
    """One registry as somebody."""

    url: str
    token: str = field(repr=False)
    tenant: str | None = None


@dataclass(frozen=True)
class Profiles:
    """All of them by name, and which is used when none is named."""

    known: Mapping[str, Profile]
    current: str | None = None

    def named(self, name: str) -> Profile:
        """One profile; raises `UsageError` naming those there are."""
        if name in self.known:
            return self.known[name]
        there = ", ".join(sorted(self.known)) or "none"
        raise UsageError(
            f"there is no profile {name}; known: {there}. Add it with: patchbay profile add {name} --url …"
        )


def config_file() -> Path:
    """Where profiles stand."""
    home = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(home) if Path(home).is_absolute() else Path.home() / ".config"
    return base / "patchbay" / "config.toml"


def load() -> Profiles:
    """The profiles; none where there is no file. Raises `CommandError` where others can read it."""
    try:
        with config_file().open("rb") as source:
            _require_private(source.fileno())
            told = tomllib.load(source)
        known = {name: Profile(**fields) for name, fields in told.get("profiles", {}).items()}
    except FileNotFoundError:
        return Profiles({})
    except (tomllib.TOMLDecodeError, TypeError, AttributeError) as error:
        raise CommandError(f"{config_file()} cannot be read: {error}") from error
    return Profiles(known, told.get("current"))


def save(profiles: Profiles) -> None:
    """Put the profiles in place of those that stood, whole or not at all."""
    import tomli_w

    document: dict[str, Any] = {"current": profiles.current} if profiles.current else {}
    document["profiles"] = {name: _fields(profile) for name, profile in sorted(profiles.known.items())}
    file = config_file()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    number, path = tempfile.mkstemp(dir=file.parent, prefix=".config-")  # mode 0600
    try:
        with os.fdopen(number, "wb") as sink:
            tomli_w.dump(document, sink)
            sink.flush()
            os.fsync(sink.fileno())
        Path(path).replace(file)
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise


def _fields(profile: Profile) -> dict[str, str]:
    return {name: value for name, value in asdict(profile).items() if value is not None}


def _require_private(number: int) -> None:
    status = os.fstat(number)
    if status.st_uid != os.getuid():
        raise CommandError(f"{config_file()} belongs to somebody else and may not be theirs to fill: remove it")
    if status.st_mode & OTHERS:
        raise CommandError(
            f"{config_file()} holds tokens and others can read it. Mend it with: chmod 600 {config_file()}"
        )
