"""Monthly installation counts, one `NAME.stats.json` a plugin, as columns of the statistics contract."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from patchbay.core.contracts import STATISTIC
from patchbay.importers.jenkins.rows import NAMESPACE
from patchbay.importers.jenkins.update_center import MalformedFile, parse_json
from patchbay.importers.report import Report, Where

if TYPE_CHECKING:
    import pyarrow as pa

SOURCE = "jenkins-infra"
_MILLISECONDS = re.compile(r"[0-9]{1,16}\Z")
_LARGEST = 2**63 - 1
Key = tuple[str, str | None, date]


@dataclass(slots=True)
class Counts:
    """Rows of one batch, with the place each came from."""

    plugins: list[str] = field(default_factory=list)
    versions: list[str | None] = field(default_factory=list)
    periods: list[date] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    places: list[Where] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.counts)

    def add(self, key: Key, count: int, where: Where) -> None:
        """One more row."""
        plugin, version, period = key
        self.plugins.append(plugin)
        self.versions.append(version)
        self.periods.append(period)
        self.counts.append(count)
        self.places.append(where)

    def clear(self) -> None:
        """Forget the rows."""
        for column in (self.plugins, self.versions, self.periods, self.counts, self.places):
            column.clear()

    def table(self) -> "pa.Table":
        """The rows in the contract's columns."""
        columns = {"plugin": self.plugins, "version": self.versions, "period": self.periods, "count": self.counts}
        types = {"plugin": pl.String, "version": pl.String, "period": pl.Date, "count": pl.Int64}
        frame = pl.DataFrame(columns, schema=types).with_columns(
            grain=pl.lit("month"), metric=pl.lit("installs"), source=pl.lit(SOURCE)
        )
        return frame.select(STATISTIC.column_names).to_arrow().cast(STATISTIC.arrow_schema())


class CountReader:
    """Reads files one after the other; two of them may speak of one plugin, where names once differed in case.

    Then the first count of a month stands: an equal one is a duplicate, another one is rejected as conflicting.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._seen: dict[Key, int] = {}

    def read(self, data: bytes, source: str) -> Iterator[tuple[Key, int, Where]]:
        """The rows of a file to send; raises `MalformedFile` when it is none of install counts."""
        document = parse_json(data)
        name = document.get("name") if isinstance(document, dict) else None
        months = document.get("installations") if isinstance(document, dict) else None
        if not isinstance(name, str) or not isinstance(months, dict):
            raise MalformedFile("", "must be an object with `name` and an object `installations`")
        where = Where(source)
        rows = list(self._months(f"{NAMESPACE}:{name}", months, where.below("installations")))
        yield from self._fresh(rows)
        versions = document.get("installationsPerVersion", {})
        if rows and isinstance(versions, dict):
            latest = max(key[2] for key, _, _ in rows)
            yield from self._fresh(
                self._versions(rows[0][0][0], latest, versions, where.below("installationsPerVersion"))
            )
        elif versions:
            self._report.ignore_field(
                where.below("installationsPerVersion"), "no_month", "no month to count versions in"
            )

    def _months(self, plugin: str, months: dict[str, Any], where: Where) -> Iterator[tuple[Key, int, Where]]:
        for stamp, count in months.items():
            place = where.below(stamp)
            period = month_of(stamp)
            if period is None:
                self._report.reject("statistics", place, "invalid_time", "the key must be milliseconds since 1970")
            elif self._is_count(count, place):
                yield (plugin, None, period), count, place

    def _versions(
        self, plugin: str, period: date, versions: dict[str, Any], where: Where
    ) -> Iterator[tuple[Key, int, Where]]:
        for version, count in versions.items():
            place = where.below(version)
            if self._is_count(count, place):
                yield (plugin, version, period), count, place

    def _is_count(self, value: Any, where: Where) -> bool:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
            return True
        self._report.reject("statistics", where, "wrong_type", f"count must be a whole number, not {str(value)[:60]!r}")
        return False

    def _fresh(self, rows: Any) -> Iterator[tuple[Key, int, Where]]:
        tally = self._report.tally("statistics")
        for key, count, where in rows:
            said = self._seen.get(key)
            if said is None:
                self._seen[key] = count
                yield key, count, where
            elif said == count:
                tally.count_duplicate()
            else:
                reason = f"an earlier count of the same plugin and month is {said}; the first one stands"
                self._report.reject("statistics", where, "conflicting_count", reason)


def month_of(stamp: str) -> date | None:
    """First day of the UTC month of a time in milliseconds since 1970; None when it is none.

    Some stamps are midnight in New York, which is 04:00 or 05:00 UTC of the same month.
    """
    if not _MILLISECONDS.match(stamp):
        return None
    try:
        return datetime.fromtimestamp(int(stamp) / 1000, UTC).date().replace(day=1)
    except (OverflowError, ValueError, OSError):
        return None
