"""A small world with a planted taste: four teams, each with plugins of its own beside some that everybody has."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest

from models.recommend.evaluate import Split, temporal_split
from models.recommend.interactions import Interactions
from models.recommend.metadata import Metadata

START = datetime(2025, 1, 1, tzinfo=UTC)
CUT = START + timedelta(days=100)
TEAMS, USERS, OWN, COMMON = 4, 120, 8, 4
UNTAKEN = [f"t{team}-unreleased" for team in range(TEAMS)]


class World(NamedTuple):
    """Pairs, what is known of items, and the split at `CUT`."""

    frame: pl.DataFrame
    interactions: Interactions
    metadata: Metadata
    split: Split


@pytest.fixture(scope="session")
def world() -> World:
    """Each user takes up most of their team's plugins, in random order, one in five after the cut; two common ones too."""
    rng = np.random.default_rng(5)
    frame = pl.concat([_user(number, rng) for number in range(USERS)])
    names = [*frame["item"].unique(), *UNTAKEN]
    metadata = Metadata.from_frame(pl.DataFrame({"item": names, "feature": [name.split("-")[0] for name in names]}))
    interactions = Interactions.from_frame(frame, items=UNTAKEN)
    return World(frame, interactions, metadata, temporal_split(interactions, CUT, catalogue=names))


def _user(number: int, rng: np.random.Generator) -> pl.DataFrame:
    own = rng.choice(OWN, size=6, replace=False)
    common = rng.choice(COMMON, size=2, replace=False)
    items = [f"t{number % TEAMS}-{item}" for item in own] + [f"common-{item}" for item in common]
    days = rng.uniform(0, 125, len(items))
    at = [START + timedelta(days=float(day)) for day in days]
    return pl.DataFrame({"user": f"u{number:03}", "item": items, "at": at})
