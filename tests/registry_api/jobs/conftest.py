"""Kinds of jobs that only one test knows."""

import pytest

from registry_api.jobs.registry import HANDLERS, Handler
from tests.registry_api.jobs.support import Wanted


@pytest.fixture
def kinds(monkeypatch):
    """Registers handlers for the test only: `kinds(name=function)`; the names become test.<name>."""

    def register(**functions):
        for name, run in functions.items():
            monkeypatch.setitem(HANDLERS, f"test.{name}", Handler(f"test.{name}", run, name != "inner", Wanted))

    return register
