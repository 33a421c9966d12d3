"""Table contracts, in an order in which the tables can be built."""

from warehouse.contracts.core import CORE
from warehouse.contracts.marts import MARTS
from warehouse.contracts.raw import BUILD_DAYS, RAW_TABLES, RawTable
from warehouse.contracts.schema import Accepted, AtMost, Between, Check, References, Severity, TableContract
from warehouse.contracts.staging import STAGING

TABLES: dict[str, TableContract] = {contract.name: contract for contract in (*STAGING, *CORE, *MARTS)}
"""Every built table by name."""

__all__ = [
    "BUILD_DAYS",
    "RAW_TABLES",
    "TABLES",
    "Accepted",
    "AtMost",
    "Between",
    "Check",
    "RawTable",
    "References",
    "Severity",
    "TableContract",
]
