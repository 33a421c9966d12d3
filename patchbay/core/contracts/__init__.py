"""Feed and intake contracts: the one place where the columns that cross the API are written down."""

from patchbay.core.contracts.feeds import FEEDS
from patchbay.core.contracts.intake import INTAKE_STREAMS, STATISTIC, USAGE_EVENT
from patchbay.core.contracts.schema import Column, Contract

__all__ = ["FEEDS", "INTAKE_STREAMS", "STATISTIC", "USAGE_EVENT", "Column", "Contract"]
