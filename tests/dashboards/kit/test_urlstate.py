"""Filters in the URL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.kit.urlstate import Filter, parse, to_search

FILTERS = (
    Filter("q", "Search"),
    Filter("period", "Period", "90d", (("30d", "30 days"), ("90d", "90 days"))),
    Filter("label", "Label", lookup="labels"),
    Filter("page", "", "1"),
)
LABELS = frozenset({"scm", "ui"})


def test_an_empty_address_gives_every_default_and_ignores_nothing() -> None:
    pick = parse(FILTERS, "")
    assert (dict(pick.values), pick.ignored) == ({"q": "", "period": "90d", "label": "", "page": "1"}, ())


def test_a_value_that_is_not_offered_is_ignored_and_reported() -> None:
    pick = parse(FILTERS, "?period=7w&label=nope&page=-2&q=git", lambda _: LABELS)
    assert (pick["period"], pick["label"], pick["page"], pick["q"]) == ("90d", "", "1", "git")
    assert pick.ignored == (("period", "7w"), ("label", "nope"), ("page", "-2"))


def test_a_name_that_is_no_filter_is_reported_so_that_nobody_trusts_it() -> None:
    assert parse(FILTERS, "?tenant_id=other").ignored == (("tenant_id", "other"),)


def test_control_characters_and_endless_text_are_ignored() -> None:
    assert parse(FILTERS, "?q=a%00b").ignored == (("q", "a\x00b"),)
    assert len(parse(FILTERS, "?q=" + "x" * 201).ignored) == 1


@pytest.mark.parametrize("page", ["0", "100001", "0000001", "10" * 4000, "1000000", "²", "-1"])
def test_a_page_number_that_is_none_is_ignored(page: str) -> None:
    assert parse(FILTERS, f"?page={page}")["page"] == "1"
    assert parse(FILTERS, "?page=100000")["page"] == "100000"


def test_only_values_that_differ_from_the_default_are_written() -> None:
    assert to_search(FILTERS, {"q": "", "period": "90d", "label": "scm", "page": "1"}) == "?label=scm"
    assert to_search(FILTERS, {"q": "", "period": "90d", "label": "", "page": "1"}) == ""


def test_changes_replace_values_and_none_resets_one() -> None:
    assert to_search(FILTERS, {"q": "git", "page": "7"}, label="ui", page=None) == "?q=git&label=ui"


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=50), st.sampled_from(["30d", "90d"]))
def test_whatever_was_chosen_is_read_back_from_the_address(text: str, period: str) -> None:
    values = {"q": text if text.isprintable() else "", "period": period, "label": "ui", "page": "3"}
    pick = parse(FILTERS, to_search(FILTERS, values), lambda _: LABELS)
    assert (dict(pick.values), pick.ignored) == (values, ())
