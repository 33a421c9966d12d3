"""Small linters over Python sources. Each takes one source and names what breaks its rule; none means that it holds."""

import ast
import statistics
from collections.abc import Iterable, Iterator

from tests.architecture.tree import Source

Function = ast.FunctionDef | ast.AsyncFunctionDef
LONGEST_FILE, LONGEST_FUNCTION, MEDIAN_FUNCTION, NINTH_DECILE_FUNCTION = 400, 60, 9, 28
TRANSFORM_IMPORTS = {"ibis", "warehouse.contracts", "warehouse.transforms", "patchbay.core.contracts"}
RUNS_A_QUERY = {"execute", "raw_sql", "sql", "to_pandas", "to_polars", "to_pyarrow", "connect"}


def long_files(source: Source) -> list[str]:
    """No file above 400 lines: nobody reads the end of one, and two people cannot work in it."""
    lines = source.text.count("\n")
    return [f"{source.path}: {lines} lines"] if lines > LONGEST_FILE else []


def long_functions(source: Source) -> list[str]:
    """No function above 60 lines: such a one has several jobs, and none of them has a name."""
    return [
        f"{source.path}:{f.lineno} {f.name}: {_length(f)} lines"
        for f in functions(source)
        if _length(f) > LONGEST_FUNCTION
    ]


def texture(sources: Iterable[Source]) -> list[str]:
    """Over all functions the median is at most 9 lines and nine in ten have at most 28."""
    lengths = sorted(_length(function) for source in sources for function in functions(source))
    median, decile = statistics.median(lengths), lengths[int(len(lengths) * 0.9)]
    wrong = [f"median {median} lines"] if median > MEDIAN_FUNCTION else []
    return wrong + ([f"90th percentile {decile} lines"] if decile > NINTH_DECILE_FUNCTION else [])


def missing_return_types(source: Source) -> list[str]:
    """Every function says what it returns, nested ones too."""
    return [f"{source.path}:{f.lineno} {f.name}" for f in functions(source) if f.returns is None]


def missing_docstrings(source: Source) -> list[str]:
    """Every module, and every public function, class and method, says what it is."""
    tree = ast.parse(source.text)
    wrong = [] if ast.get_docstring(tree) or not source.text.strip() else [f"{source.path}: the module"]
    return wrong + [f"{source.path}:{n.lineno} {n.name}" for n in _public(tree) if not ast.get_docstring(n)]


def stray_commits(source: Source) -> list[str]:
    """In the registry only the unit of work commits: a commit elsewhere once released a lock before the outbox row."""
    if source.parts[0] != "registry_api" or source.parts[1] == "db":
        return []
    return [
        f"{source.path}:{call.lineno} {ast.unparse(call)}"
        for call in _calls(source)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "commit" and not _is_unit_of_work(call.func.value)
    ]


def private_dagster(source: Source) -> list[str]:
    """Nothing private of Dagster is imported: those modules move with every release."""
    return [
        f"{source.path}: {name}"
        for name in imported(source)
        if name.split(".")[0].startswith("dagster") and any(part.startswith("_") for part in name.split("."))
    ]


def impure_transforms(source: Source) -> list[str]:
    """A transform takes tables and gives a table: it imports Ibis and contracts, and runs nothing itself."""
    if source.parts[:2] != ("warehouse", "transforms"):
        return []
    import sys

    wrong = [
        f"{source.path}: imports {name}"
        for name in imported(source)
        if name.split(".")[0] not in sys.stdlib_module_names and not _within(name, TRANSFORM_IMPORTS)
    ]
    return wrong + [
        f"{source.path}:{call.lineno} .{call.func.attr}()"
        for call in _calls(source)
        if isinstance(call.func, ast.Attribute) and call.func.attr in RUNS_A_QUERY
    ]


def swallowed_exceptions(source: Source) -> list[str]:
    """Nobody catches everything and goes on as if nothing had happened."""
    found = []
    for node in ast.walk(ast.parse(source.text)):
        if isinstance(node, ast.ExceptHandler) and _catches_all(node.type) and _does_nothing(node.body):
            found.append(f"{source.path}:{node.lineno} an except that swallows everything")
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress") and any(map(_is_all, node.args)):
            found.append(f"{source.path}:{node.lineno} suppress of everything")
    return found


def functions(source: Source) -> list[Function]:
    """All functions of a file, nested ones and methods too."""
    return [node for node in ast.walk(ast.parse(source.text)) if isinstance(node, Function)]


def imported(source: Source) -> Iterator[str]:
    """Full names of the modules a file imports, wherever the import stands."""
    for node in ast.walk(ast.parse(source.text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if alias.name.startswith("_"))


def _length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _public(node: ast.Module | ast.ClassDef) -> Iterator[ast.ClassDef | Function]:
    """Public definitions outside of functions; double-underscore methods speak for themselves."""
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not child.name.startswith("_"):
            if not _is_overload_or_override(child):
                yield child
            if isinstance(child, ast.ClassDef):
                yield from _public(child)


def _is_overload_or_override(node: ast.ClassDef | Function) -> bool:
    names = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
    return bool(names & {"overload", "override", "setter"})


def _calls(source: Source) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(source.text)) if isinstance(node, ast.Call))


def _is_unit_of_work(receiver: ast.expr) -> bool:
    """Whether this is one by its name, or is made on the spot."""
    made = receiver.func if isinstance(receiver, ast.Call) else receiver
    return ast.unparse(made).rpartition(".")[2] in {"work", "unit_of_work", "UnitOfWork"}


def _within(name: str, allowed: set[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in allowed)


def _catches_all(type_: ast.expr | None) -> bool:
    return type_ is None or _is_all(type_)


def _is_all(type_: ast.expr) -> bool:
    return isinstance(type_, ast.Name) and type_.id in {"Exception", "BaseException"}


def _does_nothing(body: list[ast.stmt]) -> bool:
    idle = (ast.Pass, ast.Continue)
    return all(isinstance(s, idle) or (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant)) for s in body)
