"""A registry whose webhooks may go to receivers on this machine."""

from collections.abc import Iterator
from typing import Any

import pytest

from patchbay.core.settings import Settings
from tests.registry_api.automation.acting.receivers import HOST, Hooks, hooks


@pytest.fixture
def registry(registry: tuple[Settings, dict[str, str]]) -> tuple[Settings, dict[str, str]]:
    settings, tokens = registry
    return settings.model_copy(update={"webhook_private_hosts": (HOST,)}), tokens


@pytest.fixture
def hook() -> Iterator[Hooks]:
    """A receiver that takes everything, or answers what it is told."""
    with hooks() as taken:
        yield taken


@pytest.fixture
def types_of() -> Any:
    """The types of events that a receiver has, without their prefix, in the order they came."""

    def found(hook: Hooks) -> list[str]:
        return [hook.event(place)["type"].removeprefix("dev.patchbay.") for place in range(len(hook.received))]

    return found
