"""Rules to Great Expectations. Its import takes seconds, so it happens on first use and never at definitions load."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any

from warehouse.contracts import Accepted, AtMost, Between, References, TableContract
from warehouse.quality.rules import COLUMNS, FILLED, UNIQUE, Rule

if TYPE_CHECKING:
    import pyarrow as pa


def expectations_of(rule: Rule, contract: TableContract, known: list[Any]) -> list[Any]:
    """The expectations a rule stands for; `known` are the parent's keys among the values judged, for a reference."""
    import great_expectations.expectations as gx

    match rule.check:
        case Accepted(column, values):
            return [gx.ExpectColumnValuesToBeInSet(column=column, value_set=list(values))]
        case Between(column, least, most):
            return [gx.ExpectColumnValuesToBeBetween(column=column, min_value=least, max_value=most)]
        case References(column):
            return [gx.ExpectColumnValuesToBeInSet(column=column, value_set=known)]
        case AtMost(column, other):
            return [
                gx.ExpectColumnPairValuesAToBeGreaterThanB(
                    column_A=other, column_B=column, or_equal=True, ignore_row_if="either_value_is_missing"
                )
            ]
        case None:
            return _structural(rule, contract)


def _structural(rule: Rule, contract: TableContract) -> list[Any]:
    import great_expectations.expectations as gx

    if rule.name == COLUMNS:
        return [gx.ExpectTableColumnsToMatchOrderedList(column_list=typed_columns(contract.types))]
    if rule.name == FILLED:
        return [gx.ExpectColumnValuesToNotBeNull(column=name) for name in contract.required]
    if rule.name == UNIQUE and len(contract.key) == 1:
        return [gx.ExpectColumnValuesToBeUnique(column=contract.key[0])]
    return [gx.ExpectCompoundColumnsToBeUnique(column_list=list(contract.key), ignore_row_if="never")]


def typed_columns(types: dict[str, str]) -> list[str]:
    """`name type` of each column, so that one ordered list says both."""
    return [f"{name} {kind}" for name, kind in types.items()]


def judge(rows: pa.Table, expectations: list[Any]) -> bool:
    """Whether the rows meet all expectations; an expectation that cannot be evaluated raises RuntimeError."""
    import great_expectations as gx

    batch = _batches().get_batch({"dataframe": _without_nan(rows).to_pandas()})
    result = batch.validate(gx.ExpectationSuite("contract", expectations=expectations), result_format="BASIC")
    for outcome in result.results:
        if outcome.exception_info.get("raised_exception", False):
            raise RuntimeError(f"{outcome.expectation_config.type}: {outcome.exception_info['exception_message']}")
    return bool(result.success)


def _without_nan(rows: pa.Table) -> pa.Table:
    """Not-a-number as minus infinity: pandas takes it for a missing value and would pass it, and it is in no range."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for place, field in enumerate(rows.schema):
        if pa.types.is_floating(field.type):
            column = rows[field.name]
            rows = rows.set_column(place, field, pc.if_else(pc.is_nan(column), pa.scalar(float("-inf")), column))
    return rows


@cache
def _batches() -> Any:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    context.enable_analytics(enable=False)
    frames = context.data_sources.add_pandas("warehouse").add_dataframe_asset("rows")
    return frames.add_batch_definition_whole_dataframe("all")
