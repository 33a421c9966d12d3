"""The risk model keeps the laws of every model."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from models.laws import LAWS, Case
from models.risk import RiskModel, refit, score

RNG = np.random.default_rng(5)


@dataclass(frozen=True)
class Trained:
    """A policy, and the model it became on a panel."""

    config: RiskModel
    model: RiskModel


def made(rows: int, prefix: str) -> pl.DataFrame:
    """A panel of random plugins."""
    days = RNG.integers(0, 3000, rows)
    return pl.DataFrame(
        {
            "plugin": [f"{prefix}{row}" for row in range(rows)],
            "as_of": [date(2021, 6, 15)] * rows,
            "installs": np.exp(RNG.uniform(0, 10, rows)),
            "advisories": RNG.poisson(0.3, rows),
            "years": RNG.uniform(1, 6, rows),
            "days_since_release": days,
            "advised": RNG.random(rows) < 0.2,
            "silent": RNG.random(rows) < days / 4000,
        }
    )


CASE: Case[Trained, pl.DataFrame] = Case(
    make=lambda config: Trained(config, config),
    config=RiskModel(),
    data=made(900, "known"),
    strange=made(500, "strange").with_columns(colour=pl.lit("red"), installs=pl.col("installs") * 1e4),
    fit=lambda trained, panel: replace(trained, model=refit(trained.config, panel)),
    ask=lambda trained, panel: score(panel, trained.model)["score"].to_numpy(),
)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_risk_model_keeps_the_law(law: Callable[[Case[Any, Any]], None]) -> None:
    law(CASE)
