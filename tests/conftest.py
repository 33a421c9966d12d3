"""What all tests share: where the real registries are, and a browser that can be driven."""

import gc
import os
from pathlib import Path

import pytest

from scripts import browsers
from tests.scheduling import ByPlace

REPOSITORY = Path(__file__).resolve().parent.parent

gc.set_threshold(
    50_000, 20, 100
)  # applications are built by the hundred: looking for garbage so often took a tenth of the time


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout's top folder."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """`<shared>/data` with the real registries; where absent skips, or fails when PATCHBAY_REQUIRE_SHARED=1."""
    shared = Path(os.environ.get("PATCHBAY_SHARED", "../shared"))
    data = (shared if shared.is_absolute() else REPOSITORY / shared).resolve() / "data"
    if data.is_dir():
        return data
    reason = f"the real registries are not at {data}; set PATCHBAY_SHARED to the folder that holds data/"
    if os.environ.get("PATCHBAY_REQUIRE_SHARED") == "1":
        pytest.fail(f"PATCHBAY_REQUIRE_SHARED=1, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a browser for Playwright's `executable_path`; fails where there is none: `make test` installs one."""
    found = browsers.find()
    if found is None:
        pytest.fail(f"no Chromium found: run `make test`, which installs one, or set {browsers.VARIABLE}")
    return found


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByPlace:
    """Spread files, not tests, over workers; folders that share something dear stay together."""
    return ByPlace(config, log)
