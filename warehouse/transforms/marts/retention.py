"""Retention: of those who began in a month, how many are there in the months after."""

import ibis
from ibis.expr.types import IntegerColumn, Table

from warehouse.transforms.calendar import month_number, month_numbers

FARTHEST = 12
"""Months after the cohort's own that are followed."""
SUBJECT = ["tenant_id", "plugin_id", "subject_kind", "subject_id"]
COHORT = ["tenant_id", "plugin_id", "subject_kind", "cohort_month", "cohort_number"]


def mart_retention(fct_usage_person_daily: Table, fct_installation_interval: Table) -> Table:
    """One row per tenant, plugin, kind, cohort month and months since, up to the tenant's newest month; zeros included."""
    newest = _newest_month(fct_usage_person_daily, fct_installation_interval)
    present = _persons(fct_usage_person_daily).union(_targets(fct_installation_interval, newest))
    began = present.group_by(SUBJECT).agg(cohort_number=present.month.min(), cohort_month=present.first_day.min())
    stays = present.inner_join(began, SUBJECT).mutate(months_since=lambda t: t.month - t.cohort_number)
    retained = (
        stays.filter(stays.months_since <= FARTHEST)
        .group_by([*COHORT, "months_since"])
        .agg(retained=lambda t: t.count())
    )
    grid = _grid(began.group_by(COHORT).agg(cohort_size=lambda t: t.count()), newest)
    filled = grid.left_join(retained, [*COHORT, "months_since"])
    return filled.mutate(retained=ibis.coalesce(filled.retained, 0))


def _persons(usage: Table) -> Table:
    """A row for every month in which a person used the plugin."""
    months = usage.group_by("tenant_id", "plugin_id", "subject_id", first_day=usage.day.truncate("M")).agg()
    return months.select(
        "tenant_id",
        "plugin_id",
        "subject_id",
        "first_day",
        subject_kind=ibis.literal("person"),
        month=month_number(months.first_day),
    ).select(*SUBJECT, "month", "first_day")


def _targets(intervals: Table, newest: Table) -> Table:
    """A row for every month that an interval of a target touches; open ones reach the tenant's newest month.

    One row however many intervals touch the month. `first_day` is that of an interval's first month: its minimum over a
    target's rows is the cohort's month.
    """
    bounded = intervals.inner_join(newest, "tenant_id")
    spans = bounded.select(
        "tenant_id",
        "plugin_id",
        subject_id="target_id",
        first_month=month_number(bounded.from_at.date()),
        last_month=ibis.ifelse(bounded.to_at.isnull(), bounded.newest, month_number(bounded.to_at.date())),
        first_day=bounded.from_at.date().truncate("M"),
    )
    touched = spans.cross_join(month_numbers()).filter(lambda t: (t.month >= t.first_month) & (t.month <= t.last_month))
    months = touched.group_by("tenant_id", "plugin_id", "subject_id", "month").agg(first_day=touched.first_day.min())
    return months.mutate(subject_kind=ibis.literal("target")).select(*SUBJECT, "month", "first_day")


def _newest_month(usage: Table, intervals: Table) -> Table:
    """The last month each tenant has data of."""
    used = usage.select("tenant_id", month=month_number(usage.day))
    begun = intervals.select("tenant_id", month=month_number(intervals.from_at.date()))
    ended = intervals.filter(intervals.to_at.notnull())
    months = used.union(begun).union(ended.select("tenant_id", month=month_number(ended.to_at.date())))
    return months.group_by("tenant_id").agg(newest=months.month.max())


def _grid(cohorts: Table, newest: Table) -> Table:
    since = ibis.range(0, FARTHEST + 1).unnest().name("months_since").as_table().mutate(months_since=_whole)
    bounded = cohorts.inner_join(newest, "tenant_id")
    return bounded.cross_join(since).filter(lambda t: t.cohort_number + t.months_since <= t.newest)


def _whole(table: Table) -> IntegerColumn:
    return table.months_since.cast("int64")
