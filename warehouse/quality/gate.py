"""Judging a table.

Two judges must agree. The engine counts the rows that break each rule over the whole window, and hands Great Expectations
what it found: up to 1,000 broken rows of each rule, and for the rules that nothing breaks up to 2,000 rows (small tables go in
whole). Great Expectations then decides by its own code, and a difference is an error. So no broken row is missed for being
rare, and two million rows cost a second, where pandas alone takes a minute.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
from ibis.expr.types import Table

from warehouse.bookkeeping import Bookkeeping
from warehouse.contracts import BUILD_DAYS, TABLES, References, Severity, TableContract
from warehouse.engines.duckdb import DuckDBEngine
from warehouse.expressions import named_table
from warehouse.quality import suites
from warehouse.quality.rules import UNIQUE, Rule, broken, identities, orphans, repeated, rules_of, with_keys

KEPT = 1_000
"""Broken rows of a rule that are kept."""
WHOLE = 2_000
"""Rows shown to Great Expectations for the rules that nothing breaks."""


class JudgesDisagree(RuntimeError):
    """The engine and Great Expectations see the same rows differently: the rule is spelled wrongly in one of them."""

    def __init__(self, table: str, rule: str, counted: int, passed: bool) -> None:
        verdict = "passes" if passed else "fails"
        super().__init__(f"{table}.{rule}: the engine counts {counted} broken rows, Great Expectations {verdict} them")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one rule: rows looked at, how many broke it, and (some of) those rows."""

    table: str
    rule: str
    severity: Severity
    passed: bool
    expected: str
    observed: str
    rows: int
    failed_rows: int
    checked_at: datetime
    kept: pa.Table | None = None


def judge_table(engine: DuckDBEngine, name: str) -> list[Verdict]:
    """Judge a table by its contract: a partitioned one over the days built that have not passed yet, any other whole.

    Every row is looked at too by rules that only warn, as a warning must hold for as long as its rows are there, and by all
    rules when they are others than those that the older days passed.
    """
    return _Bench(engine, TABLES[name]).verdicts()


class _Bench:
    """One table being judged."""

    def __init__(self, engine: DuckDBEngine, contract: TableContract) -> None:
        engine.require([contract.name])
        self._engine = engine
        self._contract = contract
        self._whole = named_table(contract.name)
        self._window = self._window_of(contract)
        self._now = datetime.now(UTC)

    def verdicts(self) -> list[Verdict]:
        if not self._columns_match():
            unjudged = "not judged: the columns differ"
            others = (
                self._make(rule, passed=False, observed=unjudged, rows=0, failed=0)
                for rule in rules_of(self._contract)[1:]
            )
            return [self._columns_verdict(passed=False), *others]
        rules = rules_of(self._contract)[1:]
        rows, counts = self._rows(), self._count(rules)
        agreed = self._show_good_rows(rules, counts)
        return [
            self._columns_verdict(passed=True),
            *(self._verdict(rule, rows[rule.severity], counts[rule.name], agreed) for rule in rules),
        ]

    def _window_of(self, contract: TableContract) -> Table:
        books = Bookkeeping(self._engine)
        if not contract.partitioned or books.passed_rules(contract.name) != identities(contract):
            return self._whole
        self._engine.set_build_days(books.unpassed_days(contract.name))
        return self._whole.semi_join(named_table(BUILD_DAYS.name), "day")

    def _columns_match(self) -> bool:
        frame = pa.table(
            {column: pa.nulls(0) for column in suites.typed_columns(self._engine.types(self._contract.name))}
        )
        return suites.judge(frame, suites.expectations_of(rules_of(self._contract)[0], self._contract, []))

    def _columns_verdict(self, *, passed: bool) -> Verdict:
        rule = rules_of(self._contract)[0]
        found = ", ".join(suites.typed_columns(self._engine.types(self._contract.name)))
        return self._make(rule, passed=passed, observed="as expected" if passed else found, rows=0, failed=0)

    def _rows(self) -> dict[Severity, int]:
        """How many rows the rules of each severity look at."""
        return {"error": self._engine.count_rows(self._window), "warn": self._engine.count(self._contract.name)}

    def _looked_at(self, rule: Rule) -> Table:
        return self._whole if rule.severity == "warn" else self._window

    def _count(self, rules: tuple[Rule, ...]) -> dict[str, int]:
        """How many rows break each rule: one pass for all rules about single rows of the window."""
        conditions = {
            rule.name: broken(rule, self._contract, self._window) for rule in rules if rule.severity == "error"
        }
        single = {
            name: self._window.count(where=condition) for name, condition in conditions.items() if condition is not None
        }
        counts: dict[str, int] = self._engine.read_arrow(self._window.agg(**single)).to_pylist()[0]
        for rule in rules:
            if rule.name not in counts:
                counts[rule.name] = self._engine.count_rows(self._broken_rows(rule))
        return counts

    def _broken_rows(self, rule: Rule) -> Table:
        rows = self._looked_at(rule)
        if isinstance(rule.check, References):
            return orphans(rule.check, rows, named_table(rule.check.table))
        if rule.name == UNIQUE:
            return repeated(self._contract, rows, self._whole)
        condition = broken(rule, self._contract, rows)
        assert condition is not None, rule.name
        return rows.filter(condition)

    def _shown_rows(self, rule: Rule) -> Table:
        """The broken rows; of a repeated key also the rows outside the window that have it."""
        rows = self._broken_rows(rule)
        if rule.name != UNIQUE:
            return rows
        return with_keys(self._contract, self._whole, rows.select(*self._contract.key).distinct())

    def _show_good_rows(self, rules: tuple[Rule, ...], counts: dict[str, int]) -> bool:
        """Whether Great Expectations too passes all rules that nothing breaks, on the rows it is shown."""
        clean = [rule for rule in rules if not counts[rule.name]]
        if not clean:
            return True
        rows = self._engine.read_arrow(self._window.limit(WHOLE))
        wanted = [e for rule in clean for e in suites.expectations_of(rule, self._contract, self._known(rule, rows))]
        if not suites.judge(rows, wanted):
            raise JudgesDisagree(self._contract.name, " or ".join(rule.name for rule in clean), 0, passed=False)
        return True

    def _known(self, rule: Rule, rows: pa.Table) -> list[object]:
        """Keys of the parent among the values of the rows."""
        if not isinstance(rule.check, References):
            return []
        parent = named_table(rule.check.table)
        values = rows[rule.check.column].drop_null().unique().to_pylist()
        found = parent.filter(parent[rule.check.key].isin(values)).select(rule.check.key) if values else parent.limit(0)
        known: list[object] = self._engine.read_arrow(found)[rule.check.key].to_pylist()
        return known

    def _verdict(self, rule: Rule, rows: int, failed: int, agreed: bool) -> Verdict:
        if not failed:
            return self._make(rule, passed=agreed, observed=f"all of {rows:,} rows", rows=rows, failed=0)
        kept = self._engine.read_arrow(self._shown_rows(rule).order_by(list(self._contract.key)).limit(KEPT))
        if suites.judge(kept, suites.expectations_of(rule, self._contract, self._known(rule, kept))):
            raise JudgesDisagree(self._contract.name, rule.name, failed, passed=True)
        return self._make(
            rule, passed=False, observed=f"{failed:,} of {rows:,} rows", rows=rows, failed=failed, kept=kept
        )

    def _make(
        self, rule: Rule, *, passed: bool, observed: str, rows: int, failed: int, kept: pa.Table | None = None
    ) -> Verdict:
        return Verdict(
            self._contract.name,
            rule.name,
            rule.severity,
            passed,
            rule.expected,
            observed,
            rows,
            failed,
            self._now,
            kept,
        )
