"""The series of an anomaly with its expected band: by minutes while the registry counts them, by days after that."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from dashboards.access import Access
from dashboards.calls.anomalies import told
from dashboards.calls.frames import MOMENT, Row, typed
from dashboards.kit import format as f
from dashboards.kit.page import Call
from dashboards.queries import usage
from dashboards.registry import Route, route
from dashboards.session import Viewer

COUNTED = timedelta(hours=46)
"""The registry counts minutes for two days; a little less, so that the time before the anomaly is there too."""
BINS = 12
LONG = 15
"""A stretch of up to so many minutes is one point; a longer one is shown in twelfths."""
MOST_ROWS = 20_000
ERRORS = "errors"
SERIES: dict[str, Any] = {"at": MOMENT, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "inside": pl.Boolean,
    "grain": pl.String, "anomaly": pl.String}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Window:
    """The anomaly's time, and the time around it that is shown."""

    since: datetime
    until: datetime
    first: datetime
    last: datetime

    @classmethod
    def of(cls, anomaly: Row, now: datetime) -> "Window":
        """An hour before and after, three where it was long; the minute that still goes on is left out."""
        since, until = anomaly["started_at"], min(anomaly["ended_at"] or now, now)
        room = timedelta(hours=1 if until - since < timedelta(hours=1) else 3)
        return cls(since, until, since - room, min(until + room, now - timedelta(minutes=1)))

    def cut(self, minute: datetime) -> "Window":
        """Without that minute and what comes after it: minutes that were not read are none without uses."""
        return replace(self, last=min(self.last, minute - timedelta(minutes=1)))


def series(asked: Route, chosen: str, now: datetime) -> Call:
    """The chosen anomaly's series, else the newest one's of the list."""
    return Call(
        "anomaly_series",
        "Series and expected band",
        "What came, beside what was to be expected.",
        lambda access: _series(_chosen(access, asked, chosen), access, now),
        shown=5_000,
    )


def _chosen(access: Access, asked: Route, chosen: str) -> Row | None:
    rows = access.rows(asked, 101)
    if chosen and not any(row["anomaly_id"] == chosen for row in rows):
        rows = access.rows(route("/v1/anomalies"))
    found = [row for row in rows if row["anomaly_id"] == chosen] if chosen else rows[:1]
    return told(found, access).row(0, named=True) if found else None


def _series(anomaly: Row | None, access: Access, now: datetime) -> pl.DataFrame:
    if anomaly is None:
        return pl.DataFrame(schema=SERIES)
    is_counted = now - anomaly["started_at"] < COUNTED
    made = _by_minutes(anomaly, access, now) if is_counted else _by_days(anomaly, access)
    return made.with_columns(pl.lit(sentence(anomaly)).alias("anomaly")).select(*SERIES)


def sentence(anomaly: Row) -> str:
    """What happened, in words."""
    since, until = anomaly["started_at"], anomaly["ended_at"]
    when = f"since {f.moment(since)}" if until is None else f"from {f.moment(since)} to {f.moment(until)}"
    show = f.percent if anomaly["kind"] == ERRORS else f.whole
    low, high = show(anomaly["expected_low"]), show(anomaly["expected_high"])
    what = "of uses failed" if anomaly["kind"] == ERRORS else "uses"
    whose = f" in {anomaly['organisation']}" if anomaly["organisation"] else ""
    came = f"{anomaly['about']}{whose}: {show(anomaly['observed'])} {what}"
    return f"{came} {when}, where {low} to {high} were to be expected."


def _by_minutes(anomaly: Row, access: Access, now: datetime) -> pl.DataFrame:
    window = Window.of(anomaly, now)
    until = None if anomaly["ended_at"] is None else window.last.isoformat()
    span = {"minute[gte]": window.first.isoformat(), "minute[lt]": until}
    asked = route("/v1/usage/counters", plugin=anomaly["plugin_id"], **span)
    rows = access.rows(asked, MOST_ROWS)
    window = window if len(rows) < MOST_ROWS else window.cut(datetime.fromisoformat(rows[-1]["minute"]))
    counted = minutes(_relevant(rows, anomaly, access.viewer), window)
    if anomaly["kind"] == ERRORS:
        return _shares(counted, anomaly, window)
    inside = counted.filter(pl.col("at").is_between(window.since, window.until, closed="left"))
    length = stretch(inside["uses"].to_list(), anomaly["observed"], falls=anomaly["kind"] == "outage")
    return banded(counted, anomaly, window, length)


def _relevant(rows: Iterable[Row], anomaly: Row, viewer: Viewer) -> list[Row]:
    """The counters of the series: of its tenant where it is one's, and of its release where it is one's."""
    tenant = anomaly["tenant_id"]
    is_everybodys = tenant is None or (viewer.tenant_kind == "operator" and tenant == viewer.tenant_id)
    return [
        row
        for row in rows
        if row["type"] in ("use", "error")
        and row["plugin_id"] is not None
        and (is_everybodys or row["tenant_id"] == tenant)
        and (anomaly["release_id"] is None or row["release_id"] == anomaly["release_id"])
    ]


def minutes(rows: Iterable[Row], window: Window) -> pl.DataFrame:
    """Uses and errors of every minute shown; a minute without any is zero."""
    counted = typed(rows, {"minute": MOMENT, "events": pl.Int64, "errors": pl.Int64})
    summed = counted.group_by("minute").agg(pl.col("events").sum(), pl.col("errors").sum())
    whole = pl.datetime_range(_minute(window.first), _minute(window.last), "1m", time_zone="UTC", eager=True)
    every = pl.DataFrame({"minute": whole.cast(MOMENT)}).join(summed, on="minute", how="left", maintain_order="left")
    return every.select(
        at="minute", uses=pl.col("events").fill_null(0).cast(pl.Float64), errors=pl.col("errors").fill_null(0)
    )


def stretch(counts: Sequence[float], observed: float, *, falls: bool) -> int:
    """How many minutes `observed` is the sum of, the stretch beginning with the first count.

    Where fewer came than expected, the minutes without any after the last one that had some belong to it.
    """
    total, length = 0.0, 0
    for length, count in enumerate(counts, 1):
        total += count
        if falls and total > observed:
            return max(length - 1, 1)
        if not falls and total >= observed:
            return length
    return max(length, 1)


def banded(counted: pl.DataFrame, anomaly: Row, window: Window, length: int) -> pl.DataFrame:
    """Points of the stretch's own length, so that its band is that of a point; of a twelfth of it where it is long."""
    size = length if length <= LONG else math.ceil(length / BINS)
    part = size / length
    offset = pl.lit(window.since.replace(second=0, microsecond=0)).cast(MOMENT)
    place = ((pl.col("at") - offset).dt.total_minutes() // size).alias("place")
    binned = counted.group_by(place, maintain_order=True).agg(
        pl.col("at").first(), pl.col("uses").sum().alias("value"), pl.len().alias("minutes")
    )
    return binned.filter(pl.col("minutes") == size).select(
        "at",
        "value",
        low=pl.lit(anomaly["expected_low"] * part),
        high=pl.lit(anomaly["expected_high"] * part),
        inside=_inside(window),
        grain=pl.lit(f.plural(size, "minute")),
    )


def _shares(counted: pl.DataFrame, anomaly: Row, window: Window) -> pl.DataFrame:
    """Share of failed uses in steps of five minutes; a step without uses has none."""
    steps = counted.group_by(pl.col("at").dt.truncate("5m"), maintain_order=True).agg(pl.col("uses", "errors").sum())
    return steps.select(
        "at",
        value=pl.when(pl.col("uses") > 0).then(pl.col("errors") / pl.col("uses")),
        low=pl.lit(anomaly["expected_low"]),
        high=pl.lit(anomaly["expected_high"]),
        inside=_inside(window),
        grain=pl.lit("5 minutes"),
    )


def _inside(window: Window) -> pl.Expr:
    return pl.col("at").is_between(window.since, window.until, closed="left")


def _by_days(anomaly: Row, access: Access) -> pl.DataFrame:
    """Days around it; the band is the range of the same weekday in the four weeks before, the snapshot has no other."""
    tenant, viewer = anomaly["tenant_id"], access.viewer
    is_everybodys = viewer.tenant_kind == "operator" and tenant == viewer.tenant_id
    whose = "" if tenant is None or is_everybodys else tenant
    since, until = anomaly["started_at"], anomaly["ended_at"] or anomaly["started_at"]
    plugin, release = anomaly["plugin_id"] or "", anomaly["release_id"] or ""
    question = usage.around(plugin, release, whose, since.date(), until.date())
    found = access.table(question)
    if found is None:
        return pl.DataFrame(schema=SERIES)
    ratio: Any = anomaly["kind"] == ERRORS
    return found.select(
        at=pl.col("day").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        value=pl.col("failed") if ratio else pl.col("uses").cast(pl.Float64),
        low=pl.lit(anomaly["expected_low"]) if ratio else pl.col("low").cast(pl.Float64),
        high=pl.lit(anomaly["expected_high"]) if ratio else pl.col("high").cast(pl.Float64),
        inside="inside",
        grain=pl.lit("day"),
    )


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0, tzinfo=None)
