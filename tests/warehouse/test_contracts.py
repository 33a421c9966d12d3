"""Contracts, transforms and the engine tell the same story."""

import pytest

from warehouse.contracts import BUILD_DAYS, RAW_TABLES, TABLES, References
from warehouse.contracts.columns import TENANT
from warehouse.contracts.schema import Accepted, TableContract
from warehouse.engines.types import conform
from warehouse.expressions import expression_of, named_table
from warehouse.sqlgen import files
from warehouse.transforms import TRANSFORMS, inputs_of


def test_every_contract_has_a_transform_and_every_transform_a_contract() -> None:
    assert set(TRANSFORMS) == set(TABLES)


def test_tables_stand_in_an_order_in_which_they_can_be_built() -> None:
    ready = {*RAW_TABLES, BUILD_DAYS.name}
    for name in TABLES:
        assert set(inputs_of(name)) <= ready, name
        ready.add(name)


@pytest.mark.parametrize("name", TABLES)
def test_a_contract_says_what_a_reader_needs(name: str) -> None:
    contract = TABLES[name]
    assert contract.grain and contract.description and contract.key and contract.owner.startswith("team:")
    assert not contract.partitioned or "day" in contract.column_names
    for check in contract.checks:
        if isinstance(check, References):
            assert check.key in TABLES[check.table].column_names


@pytest.mark.parametrize("name", TABLES)
def test_a_transform_gives_the_columns_of_its_contract(name: str) -> None:
    assert tuple(expression_of(name).columns) == TABLES[name].column_names


def test_a_contract_that_names_a_column_it_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="colour"):
        TableContract("t", "core", "one", "d", (TENANT,), key=("tenant_id",), checks=(Accepted("colour", ("red",)),))


def test_a_transform_that_lacks_a_column_is_named_with_it() -> None:
    half = named_table("raw_tenants").select("tenant_id", "slug")
    with pytest.raises(ValueError, match="name, kind, status"):
        conform(half, TABLES["dim_tenant"].columns)


def test_the_committed_sql_is_what_the_transforms_say_now() -> None:
    stale = [path.name for path, text in files().items() if not path.exists() or path.read_text() != text]
    assert not stale, f"run `python -m warehouse.sqlgen`: {stale}"


def test_no_committed_sql_is_of_a_table_that_is_gone() -> None:
    wanted = set(files())
    folder = next(iter(wanted)).parent
    assert set(folder.glob("*.sql")) == wanted
