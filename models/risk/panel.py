"""Features as they were known at a date, and what came of each plugin within the year after."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from models.risk.advisories import open_advisories
from models.risk.features import conform
from models.risk.hazard import AdvisoryHazard, Staleness
from models.risk.model import Population, RiskModel
from patchbay.core.versions import sort_key

HORIZON = timedelta(days=365)
_DAYS_A_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class Sources:
    """Dated facts of one registry, complete until `until`.

    `advisories`: plugin, published, and the columns of `open_advisories`; `installs`: plugin, month (its first day),
    installs; `releases`: plugin, version, version_scheme, released. Advisories are published since `advised_since`, and
    every release is known since `released_since`: of the time before, only those that were still the latest.
    """

    advisories: pl.DataFrame
    installs: pl.DataFrame
    releases: pl.DataFrame
    advised_since: date
    released_since: date
    until: date

    def before(self, day: date) -> "Sources":
        """What was known at the end of the day. A month's installs are known once the month is over."""
        over = pl.col("month").dt.offset_by("1mo") <= day
        return replace(
            self,
            advisories=self.advisories.filter(pl.col("published") <= day),
            installs=self.installs.filter(over),
            releases=self.releases.filter(pl.col("released") <= day),
            until=min(self.until, day),
        )


def features_at(sources: Sources, as_of: date) -> pl.DataFrame:
    """One row of `FEATURES` per plugin known at the date; lifecycle, impact and licence are for the caller to join.

    Installs are those of the last month that was over; a plugin without a count in it has unknown installs. Releases,
    and so open advisories, are unknown before `released_since`.
    """
    known = sources.before(as_of)
    first = pl.concat(
        [
            known.installs.select("plugin", day="month"),
            known.releases.select("plugin", day="released"),
            known.advisories.select("plugin", day="published"),
        ]
    )
    plugins = first.group_by("plugin").agg(since=pl.col("day").min()).sort("plugin")
    watched = pl.max_horizontal("since", pl.lit(sources.advised_since))
    made = plugins.select(
        "plugin",
        as_of=pl.lit(as_of),
        years=((pl.lit(as_of) - watched).dt.total_days() / _DAYS_A_YEAR).clip(lower_bound=0),
    )
    counts = known.advisories.group_by("plugin").agg(advisories=pl.len().cast(pl.Int64))
    for part in (_installs(known), counts, _releases(known, as_of), _open(known, as_of)):
        made = made.join(part, on="plugin", how="left", maintain_order="left")
    return conform(made.with_columns(pl.col("advisories").fill_null(0)))


def panel(sources: Sources, origins: Sequence[date]) -> pl.DataFrame:
    """Features of every plugin with installs at each origin, and two labels of the year after it.

    `advised`: an advisory came; `silent`: no release came, null where releases were unknown at the origin. Raises
    `ValueError` for an origin whose year is not over in the data.
    """
    late = [origin for origin in origins if origin + HORIZON > sources.until]
    if late:
        raise ValueError(f"the year after {min(late)} is not over: the data ends {sources.until}")
    return pl.concat([_labelled(sources, origin) for origin in origins])


def refit(policy: RiskModel, observed: pl.DataFrame) -> RiskModel:
    """The hazards and the population's rates from a panel; policy (weights, floors, scales) stays. Raises `ValueError`."""
    dated = observed.drop_nulls(["days_since_release", "silent"])
    columns = (observed[name].cast(pl.Float64).to_numpy() for name in ("installs", "advisories", "years", "advised"))
    days, silent = (dated[name].cast(pl.Float64).to_numpy() for name in ("days_since_release", "silent"))
    installs, advisories, years, advised = columns
    population = Population(float(np.median(installs)), float(advised.mean()), float(silent.mean()))
    hazard = AdvisoryHazard.fit(installs, advisories, years, advised)
    return replace(policy, hazard=hazard, staleness=Staleness.fit(days, silent), population=population)


def _labelled(sources: Sources, origin: date) -> pl.DataFrame:
    features = features_at(sources, origin).filter(pl.col("installs").is_not_null())
    advised = _within_a_year(sources.advisories, "published", origin)
    released = _within_a_year(sources.releases, "released", origin)
    is_silent = ~pl.col("plugin").is_in(released.implode())
    return features.with_columns(
        advised=pl.col("plugin").is_in(advised.implode()),
        silent=pl.when(pl.col("days_since_release").is_not_null()).then(is_silent),
    )


def _within_a_year(facts: pl.DataFrame, column: str, origin: date) -> pl.Series:
    """Plugins with a fact after the origin and until a year later."""
    return facts.filter((pl.col(column) > origin) & (pl.col(column) <= origin + HORIZON))["plugin"].unique()


def _installs(known: Sources) -> pl.DataFrame:
    counted = known.installs.filter(pl.col("month") == pl.col("month").max())
    return counted.group_by("plugin").agg(pl.col("installs").max().cast(pl.Float64))


def _releases(known: Sources, as_of: date) -> pl.DataFrame:
    if as_of < known.released_since:
        return pl.DataFrame(schema={"plugin": pl.String, "days_since_release": pl.Int64})
    last = known.releases.group_by("plugin").agg(last=pl.col("released").max())
    return last.select("plugin", days_since_release=(pl.lit(as_of) - pl.col("last")).dt.total_days())


def _open(known: Sources, as_of: date) -> pl.DataFrame:
    """Open advisories of the plugins with a known release or an advisory."""
    made = open_advisories(known.advisories, latest_releases(known.releases))
    return made.clear() if as_of < known.released_since else made


def latest_releases(releases: pl.DataFrame) -> pl.DataFrame:
    """The highest version of each plugin: plugin, version, version_scheme."""
    keys = [sort_key(version, scheme) for version, scheme in releases.select("version", "version_scheme").iter_rows()]
    ordered = releases.with_columns(key=pl.Series(keys, dtype=pl.String)).sort("plugin", "key", "version")
    return ordered.group_by("plugin", maintain_order=True).last().select("plugin", "version", "version_scheme")
