"""Every rule holds over the whole tree, and every rule catches the violation planted for it."""

from collections.abc import Callable

import pytest

from tests.architecture import rules, words
from tests.architecture.tree import Source, code, sources

Rule = Callable[[Source], list[str]]
OVER_CODE: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        rules.long_files,
        rules.long_functions,
        rules.missing_return_types,
        rules.missing_docstrings,
        rules.stray_commits,
        rules.private_dagster,
        rules.impure_transforms,
        rules.swallowed_exceptions,
    )
}
OVER_EVERYTHING: dict[str, Rule] = {
    rule.__name__: rule for rule in (words.missing_paths, words.machine_names, words.unmirrored_tests)
}
LINE = "    x = 1\n"
PLANTED: list[tuple[Rule, str, str]] = [
    (rules.long_files, "models/a.py", "x = 1\n" * 401),
    (rules.long_functions, "models/a.py", "def f() -> None:\n" + LINE * 60),
    (rules.missing_return_types, "models/a.py", "def f(x: int):\n    return x\n"),
    (rules.missing_return_types, "models/a.py", "def f() -> None:\n    async def g():\n        pass\n"),
    (rules.missing_docstrings, "models/a.py", "x = 1\n"),
    (rules.missing_docstrings, "models/a.py", '"""M."""\ndef f() -> None: ...\n'),
    (rules.missing_docstrings, "models/a.py", '"""M."""\nclass A:\n    """A."""\n    def f(self) -> None: ...\n'),
    (rules.stray_commits, "registry_api/catalog/service.py", "async def f(s):\n    await s.commit()\n"),
    (rules.stray_commits, "registry_api/usage/service.py", "def f(s):\n    s.session.commit()\n"),
    (rules.private_dagster, "pipelines/a.py", "from dagster._core.storage import x\n"),
    (rules.private_dagster, "pipelines/a.py", "import dagster._utils\n"),
    (rules.private_dagster, "pipelines/a.py", "from dagster import _check\n"),
    (rules.impure_transforms, "warehouse/transforms/a.py", "import duckdb\n"),
    (rules.impure_transforms, "warehouse/transforms/a.py", "from warehouse.engines import x\n"),
    (rules.impure_transforms, "warehouse/transforms/a.py", "def f(t):\n    return t.execute()\n"),
    (rules.impure_transforms, "warehouse/transforms/a.py", "def f(c):\n    return c.raw_sql('select 1')\n"),
    (rules.swallowed_exceptions, "models/a.py", "try:\n    f()\nexcept:\n    pass\n"),
    (rules.swallowed_exceptions, "models/a.py", "try:\n    f()\nexcept Exception:\n    ...\n"),
    (rules.swallowed_exceptions, "models/a.py", "with contextlib.suppress(Exception):\n    f()\n"),
    (words.missing_paths, "docs/a.md", "See `docs/no-such-guide.md`.\n"),
    (words.missing_paths, "docs/a.md", "See `patchbay/{core,nowhere}/`.\n"),
    (words.missing_paths, "docs/a.md", "See `no-such-folder/` and `other/guide.md`.\n"),
    (words.missing_paths, "README.md", "![a page](docs/images/no-such-picture.png)\n"),
    (words.machine_names, "scripts/a.sh", "curl https://py" + "pi.org/simple\n"),
    (words.machine_names, "docs/a.md", "cd /ro" + "ot/patchbay\n"),
    (words.machine_names, "Makefile", "pip install --index" + "-url x\n"),
    (words.unmirrored_tests, "tests/nowhere/test_a.py", ""),
    (words.unmirrored_tests, "tests/registry_api/nowhere/test_a.py", ""),
]
ALLOWED: list[tuple[Rule, str, str]] = [
    (rules.missing_return_types, "models/a.py", "def f() -> None:\n    g = lambda x: x\n"),
    (rules.missing_docstrings, "models/a.py", '"""M."""\nclass _A:\n    def f(self) -> None: ...\n'),
    (rules.stray_commits, "registry_api/catalog/service.py", "async def f(work):\n    await work.commit()\n"),
    (rules.stray_commits, "registry_api/db/unit_of_work.py", "async def f(s):\n    await s.commit()\n"),
    (rules.stray_commits, "warehouse/a.py", "def f(c):\n    c.commit()\n"),
    (rules.private_dagster, "pipelines/a.py", "import dagster as dg\n"),
    (rules.impure_transforms, "warehouse/transforms/a.py", "import ibis\nfrom collections.abc import Mapping\n"),
    (rules.impure_transforms, "warehouse/engines/a.py", "import duckdb\n"),
    (rules.swallowed_exceptions, "models/a.py", "try:\n    f()\nexcept KeyError:\n    pass\n"),
    (words.missing_paths, "docs/a.md", "`patchbay/{core,cli}/`, `tests/*/test_*.py`, `make test`, `var/logs`, `a/b`\n"),
    (words.missing_paths, "docs/a.md", "[the list](../README.md#layout) and [a site](https://example.org/x)\n"),
    (words.machine_names, "docs/a.md", "the networked machine, a framework/part, rework/\n"),
    (words.unmirrored_tests, "tests/core/test_a.py", ""),
    (words.unmirrored_tests, "tests/registry_api/db/test_a.py", ""),
]


@pytest.mark.parametrize("rule", OVER_CODE.values(), ids=OVER_CODE)
def test_our_code_keeps_the_rule(rule: Rule) -> None:
    assert [line for source in code() for line in rule(source)] == []


@pytest.mark.parametrize("rule", OVER_EVERYTHING.values(), ids=OVER_EVERYTHING)
def test_every_file_keeps_the_rule(rule: Rule) -> None:
    assert [line for source in sources() for line in rule(source)] == []


def test_functions_are_short_on_the_whole() -> None:
    assert rules.texture(code()) == []


def test_test_files_are_not_long_either() -> None:
    tests = [source for source in sources() if source.parts[0] == "tests" and source.path.endswith(".py")]
    assert [line for source in tests for line in rules.long_files(source)] == []


@pytest.mark.parametrize(("rule", "path", "text"), PLANTED, ids=lambda value: getattr(value, "__name__", None))
def test_a_planted_violation_is_caught(rule: Rule, path: str, text: str) -> None:
    assert rule(Source(path, text)) != []


@pytest.mark.parametrize(("rule", "path", "text"), ALLOWED, ids=lambda value: getattr(value, "__name__", None))
def test_what_is_allowed_is_not_caught(rule: Rule, path: str, text: str) -> None:
    assert rule(Source(path, text)) == []


def test_a_tree_of_long_functions_breaks_the_texture() -> None:
    assert rules.texture([Source("models/a.py", ("def f() -> None:\n" + LINE * 29) * 5)]) == [
        "median 30 lines",
        "90th percentile 30 lines",
    ]
