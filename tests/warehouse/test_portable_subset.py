"""Transforms stay within what every engine does alike."""

import ast
from pathlib import Path

import pytest

import warehouse.transforms
from warehouse.engines.gaps import GAPS

ROOT = Path(warehouse.transforms.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
ALLOWED = ("ibis", "warehouse.contracts", "warehouse.transforms", "collections.abc", "functools", "inspect")
ENGINES = ("duckdb", "pyspark", "spark", "pandas", "polars", "pyarrow")


def problems(source: str) -> list[str]:
    """What a transform's source does that some engine does not do alike."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [f"imports {name.name}" for name in node.names if not name.name.startswith(ALLOWED)]
        elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith(ALLOWED):
            found.append(f"imports {node.module}")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found += [f"uses {gap.operation}: {gap.reason}" for gap in GAPS if gap.operation == node.func.attr]
        elif isinstance(node, ast.Constant) and node.value in ENGINES:
            found.append(f"names {node.value}")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_transform_keeps_to_the_portable_subset(path: Path) -> None:
    assert problems(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "import duckdb",
        "from warehouse.engines.duckdb import DuckDBEngine",
        "t.execute()",
        "t.sql('SELECT 1')",
        "ibis.now()",
        "t.asof_join(u)",
        "backend == 'duckdb'",
    ],
)
def test_the_lint_sees_what_is_not_portable(source: str) -> None:
    assert problems(source)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_order_of_a_window_says_how_ties_end(path: Path) -> None:
    """A row_number over an order that can tie gives other rows at the next build."""
    unique = {
        "seq", "place", "release_id", "ibis.desc('release_id')", "ibis.desc('seq')", "observation_id", "at", "row",
        "interval_number", "month", "day", "ibis.desc('segment_id')", "ibis.desc('count')",
    }  # fmt: skip
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.keyword) and node.arg == "order_by":
            last = node.value.elts[-1] if isinstance(node.value, ast.List) else node.value
            text = last.value if isinstance(last, ast.Constant) else ast.unparse(last)
            assert text in unique or text == "order", f"{path.name}: {text}"
