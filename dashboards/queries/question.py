"""What a page asks of a snapshot: parameterised SQL with its title and meaning."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from textwrap import dedent

Value = str | int | float | bool | None

PERIODS = (("30d", "30 days"), ("90d", "90 days"), ("365d", "1 year"), ("all", "All"))
"""Windows a page offers. They end at the last day that has data, not today: imported histories may end years ago."""
ALL_DAYS = 100_000


@dataclass(frozen=True, slots=True)
class Question:
    """One question about the viewer's snapshot.

    `sql` is a constant with `$name` placeholders; `params` holds exactly those names. `given` is the start of its WITH
    clause when several questions share it. `shown` is how many rows a page
    displays at most; an export always has them all.
    """

    name: str
    title: str
    summary: str
    sql: str
    params: Mapping[str, Value] = field(default_factory=dict)
    shown: int = 1_000
    given: str = ""

    @property
    def text(self) -> str:
        """The SQL without its indentation."""
        return "\n".join(dedent(part.lstrip("\n")).rstrip() for part in (self.given, self.sql) if part)

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables it reads, sorted."""
        return tuple(sorted(set(re.findall(r"\b(?:dim|fct|mart)_[a-z_]+\b", self.text))))


def days(period: str) -> int:
    """The length of a period of PERIODS in days."""
    return ALL_DAYS if period == "all" else int(period.removesuffix("d"))
