"""Finds a Chromium that Playwright can drive: distribution's, Google's, or Playwright's own download."""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

CANDIDATES = ("chromium", "google-chrome-stable", "google-chrome", "chrome", "chromium-browser")
VARIABLE = "PATCHBAY_CHROMIUM"
"""Path of a browser that overrides every other."""

Which = Callable[[str], str | None]


def find(environment: Mapping[str, str] = os.environ, which: Which = shutil.which) -> str | None:
    """Path of a usable browser, or None. The snap behind Ubuntu's chromium cannot be driven and does not count."""
    if named := environment.get(VARIABLE):
        return named
    found = (which(name) for name in CANDIDATES)
    return next((path for path in found if path and not is_snap(Path(path))), None) or _downloaded(environment)


def is_snap(path: Path) -> bool:
    """Whether a command is snap's, or the small script that Ubuntu's package puts there to install the snap."""
    real = path.resolve()
    if "snap" in real.parts or real.name == "snap":
        return True
    return real.is_file() and real.stat().st_size < 64_000 and b"/snap/" in real.read_bytes()


def _downloaded(environment: Mapping[str, str]) -> str | None:
    """Newest Chromium that `playwright install chromium` has put into its cache."""
    cache = Path(environment.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    builds = sorted(cache.glob("chromium-*/chrome-linux*/chrome"), key=lambda p: int(p.parts[-3].rsplit("-", 1)[1]))
    return str(builds[-1]) if builds else None
