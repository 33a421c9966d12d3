"""What a line of NDJSON may be beyond the usual: fields named twice, lines that are far too long."""

import json
from typing import Any

import pytest

from tests.registry_api.intake_data import accepted, event, fill, items, lines, stored


@pytest.fixture
def backend() -> str:
    """Rows are judged before any database is asked, so one of the two is enough here."""
    return "sqlite"


@pytest.fixture(autouse=True)
async def _filled(api: Any) -> None:
    await fill(api)


def twice(row: dict[str, Any], more: str) -> str:
    """The row as a line with `more` before its end."""
    return json.dumps(row)[:-1] + f",{more}}}"


REPEATS = (
    '"quantity":2,"quantity":3',
    '"quantity": 2, "quantity": 2',
    '"quantity":null,"quantity":3',
    '"quantity":3,"quantity":null',
    '"quantity":null,"quantity":null',
    '"quantity" : 2, "quantity" :3',
    r'"quantity":2,"quantit\u0079":3',
    '"quantity":[[2]],"quantity":3',
    '"quantity":{"a":2},"quantity":3',
)


@pytest.mark.parametrize("odd", [False, True], ids=["among good lines", "among odd lines"])
async def test_a_field_named_twice_refuses_its_line_whichever_way_the_line_is_read(api: Any, odd: bool) -> None:
    others = [event("good"), event("odd", quantity=4.0 if odd else 4)]
    bad = [twice(event(str(place)), more) for place, more in enumerate(REPEATS)]
    result = await accepted(api.acme, lines(*bad, *others))
    assert [(row["row_index"], row["field"], row["code"]) for row in result["rejects"]] == [
        (place, "quantity", "repeated_field") for place in range(len(REPEATS))
    ]
    assert {row["event_id"] for row in await stored(api)} == {"good", "odd"}


async def test_what_only_looks_like_a_repeated_field_is_taken(api: Any) -> None:
    texts = ['"session":"x', "session", '","session":"', "a:null", '\\":', '\\"session":']
    rows = [event(str(place), session=text) for place, text in enumerate(texts)]
    nulls = json.dumps({**event("nulls"), "session": None, "target": None, "cost": None})
    spaced = json.dumps(event("spaced")).replace('":', '" \t:\t')
    result = await accepted(api.acme, lines(*rows, nulls, spaced))
    assert result["rejects"] == []
    found = {row["event_id"]: row["session"] for row in await stored(api)}
    assert found == {**{str(place): text for place, text in enumerate(texts)}, "nulls": None, "spaced": None}


async def test_a_line_longer_than_any_row_is_refused_unread(api: Any) -> None:
    long = [
        json.dumps(event("1", session="x" * (1 << 20))),
        '{"id":[' + "[]," * 400_000 + "[]]}",
        "{" + '"id":"1",' * 200_000 + '"id":"2"}',
        json.dumps(event("1", session="é" * (1 << 20)), ensure_ascii=False),
    ]
    result = await accepted(api.acme, lines(*long, event("good")))
    assert [(row["row_index"], row["code"]) for row in result["rejects"]] == [(n, "too_long") for n in range(len(long))]
    kept = await items(api.acme, "/v1/intake/batches/batch/rejects")
    assert [row["row"] for row in kept] == [None] * len(long)
