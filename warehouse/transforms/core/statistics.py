"""Outside statistics by calendar month."""

import ibis
from ibis.expr.types import Table

KEY = ["tenant_id", "plugin_id", "month", "metric", "source"]


def fct_statistic_monthly(stg_registry__statistics: Table) -> Table:
    """One row per plugin, month, metric and source: the month's own count before the sum of its days."""
    periods = _totals(stg_registry__statistics)
    rows = periods.mutate(month=periods.period.truncate("M"), whole=(periods.grain == "month").cast("int64"))
    best = rows.mutate(best=rows.whole.max().over(ibis.window(group_by=KEY)))
    return best.filter(best.whole == best.best).group_by(KEY).agg(count=lambda t: t["count"].sum())


def _totals(statistics: Table) -> Table:
    """One count per period: the stated total (no version) before the sum over versions."""
    period = ["tenant_id", "plugin_id", "period", "grain", "metric", "source"]
    rows = statistics.mutate(total=statistics.version.isnull().cast("int64"))
    best = rows.mutate(best=rows.total.max().over(ibis.window(group_by=period)))
    return best.filter(best.total == best.best).group_by(period).agg(count=lambda t: t["count"].sum())
