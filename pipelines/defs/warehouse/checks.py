"""One set of checks for each table contract: Great Expectations decides, a failed rule stops what is made from the table."""

from collections.abc import Iterator

import dagster as dg

from pipelines.conditions import WRITER_POOL
from pipelines.resources.warehouse import Warehouse
from warehouse.contracts import TABLES, TableContract
from warehouse.quality.gate import Verdict
from warehouse.quality.records import markdown_table
from warehouse.quality.rules import rules_of

SEVERITIES = {"error": dg.AssetCheckSeverity.ERROR, "warn": dg.AssetCheckSeverity.WARN}


def table_checks(contract: TableContract) -> dg.AssetChecksDefinition:
    """The checks of a contract's table; those of severity `error` block."""
    specs = [
        dg.AssetCheckSpec(
            rule.name,
            asset=contract.name,
            description=f"{rule.expected[:1].upper()}{rule.expected[1:]}.",
            blocking=rule.severity == "error",
        )
        for rule in rules_of(contract)
    ]

    @dg.multi_asset_check(name=f"{contract.name}_checks", specs=specs, can_subset=True, pool=WRITER_POOL)
    def judge(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> Iterator[dg.AssetCheckResult]:
        wanted = {key.name for key in context.selected_asset_check_keys}
        for verdict in warehouse.judge(contract.name):
            if verdict.rule in wanted:
                yield check_result(verdict)

    return judge


def check_result(verdict: Verdict) -> dg.AssetCheckResult:
    """A verdict as Dagster shows it, with the rows that broke the rule."""
    metadata: dict[str, dg.MetadataValue | str | int] = {
        "expected": verdict.expected,
        "observed": verdict.observed,
        "rows": verdict.rows,
    }
    if verdict.kept is not None:
        metadata["failed_rows"] = verdict.failed_rows
        metadata["broken"] = dg.MetadataValue.md(markdown_table(verdict.kept, limit=20))
        metadata["kept_in"] = dg.MetadataValue.path(f"warehouse/failed/{verdict.table}/{verdict.rule}.parquet")
    return dg.AssetCheckResult(
        asset_key=verdict.table,
        check_name=verdict.rule,
        passed=verdict.passed,
        severity=SEVERITIES[verdict.severity],
        metadata=metadata,
    )


checks = [table_checks(contract) for contract in TABLES.values()]
