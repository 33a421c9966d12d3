"""Standing of plugins in outside registries, month by month."""

import ibis
from ibis.expr.types import Table

from warehouse.transforms.calendar import month_number

PEERS = ["tenant_id", "month", "metric", "source"]
SERIES = ["tenant_id", "plugin_id", "metric", "source"]


def mart_outside_popularity(fct_statistic_monthly: Table) -> Table:
    """One row per plugin, month, metric and source; the change needs a count of the calendar month before."""
    counts = fct_statistic_monthly
    by_size = ibis.window(group_by=PEERS, order_by=ibis.desc("count"))
    earlier = ibis.window(group_by=SERIES, order_by="month")
    number = month_number(counts.month)
    rows = counts.mutate(
        rank=ibis.rank().over(by_size) + 1,
        total=counts["count"].sum().over(ibis.window(group_by=PEERS)),
        before=counts["count"].lag().over(earlier),
        gap=number - number.lag().over(earlier),
    )
    count = rows["count"].cast("float64")
    last = ibis.ifelse(rows.gap == 1, rows.before, ibis.null("int64")).nullif(0).cast("float64")
    return rows.mutate(share=count / rows.total.nullif(0).cast("float64"), change_ratio=(count - last) / last)
