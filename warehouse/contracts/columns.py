"""Columns that several tables share, so that they read the same everywhere."""

from patchbay.core.contracts import Column

TENANT = Column("tenant_id", "string", description="Tenant that owns the row.")
PLUGIN = Column("plugin_id", "string", description="Plugin the row is about.")
RELEASE = Column(
    "release_id", "string", nullable=True, description="Release; null when the version is unknown or unstated."
)
TARGET = Column("target_id", "string", description="Target the row is about.")
RECORDED = Column("recorded_at", "timestamp", description="When the registry committed the row.")
DAY = Column("day", "date", description="UTC calendar day.")
MONTH = Column("month", "date", description="First day of the calendar month.")


def strings(*names: str, nullable: bool = False) -> tuple[Column, ...]:
    """Plain string columns."""
    return tuple(Column(name, "string", nullable) for name in names)


def counts(**descriptions: str) -> tuple[Column, ...]:
    """Whole numbers that are never null."""
    return tuple(Column(name, "int64", description=text) for name, text in descriptions.items())
