"""Calendar arithmetic on whole numbers, since engines differ on dates and intervals."""

import ibis
from ibis.expr.types import DateColumn, IntegerColumn, Table

YEARS = (1990, 2100)


def month_number(day: DateColumn) -> IntegerColumn:
    """Months since year 0: one apart for neighbouring months, across years too."""
    return day.year().cast("int64") * 12 + day.month().cast("int64") - 1


def month_numbers() -> Table:
    """A table of every month number of the years we may meet, in the column `month`."""
    first, last = YEARS
    months = ibis.range(first * 12, last * 12).unnest().name("month").as_table()
    return months.mutate(month=months.month.cast("int64"))
