"""From a warehouse URL to its engine."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from warehouse.engines.duckdb import DuckDBEngine, DuckDBOptions


class EngineUnknown(ValueError):
    """No engine answers to that URL."""

    def __init__(self, url: str) -> None:
        super().__init__(f"no engine for {url!r}; known: duckdb:///absolute/path.duckdb and duckdb:// for memory")


def open_engine(url: str, options: DuckDBOptions | None = None) -> DuckDBEngine:
    """The engine of a `duckdb://` URL; `EngineUnknown` for any other, so that a second engine has one place to be added."""
    parts = urlsplit(url)
    if parts.scheme != "duckdb":
        raise EngineUnknown(url)
    path = unquote(parts.path)
    return DuckDBEngine(Path(path) if path.strip("/") else None, options)
