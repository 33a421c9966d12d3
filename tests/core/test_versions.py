"""Sort keys against independent comparators: packaging for PEP 440, the specification's own words for the others."""

import re
from functools import cmp_to_key
from itertools import pairwise, zip_longest
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from patchbay.core.versions import InvalidVersion, is_prerelease, parse, sort_key, validate
from tests.pace import under


def _sign(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)


def _semver_precedence(left: str, right: str) -> int:
    """SemVer 2.0.0 §11, item by item."""
    (left_core, left_pre), (right_core, right_pre) = _semver_parts(left), _semver_parts(right)
    if left_core != right_core or left_pre == right_pre:
        return _sign(left_core, right_core)
    if not left_pre or not right_pre:
        return 1 if not left_pre else -1
    for ours, theirs in zip(left_pre, right_pre, strict=False):
        if ours == theirs:
            continue
        if ours.isdecimal() and theirs.isdecimal():
            return _sign(int(ours), int(theirs))
        return _sign(not ours.isdecimal(), not theirs.isdecimal()) or _sign(ours, theirs)
    return _sign(len(left_pre), len(right_pre))


def _semver_parts(version: str) -> tuple[list[int], list[str]]:
    core, _, prerelease = version.split("+")[0].partition("-")
    return [int(part) for part in core.split(".")], prerelease.split(".") if prerelease else []


_whole = st.one_of(st.integers(0, 30), st.integers(0, 10**25)).map(str)
_identifier = st.one_of(_whole, st.from_regex(r"\A[0-9]{0,2}[A-Za-z-][0-9A-Za-z-]{0,4}\Z"))
_semver = st.builds(
    lambda core, pre, build: ".".join(core) + ("-" + ".".join(pre) if pre else "") + build,
    st.tuples(_whole, _whole, _whole),
    st.lists(_identifier, max_size=4),
    st.sampled_from(["", "+b1", "+sha.0"]),
)


@given(_semver, _semver)
def test_semver_keys_order_as_the_specification_says(left: str, right: str) -> None:
    assert _sign(sort_key(left, "semver"), sort_key(right, "semver")) == _semver_precedence(left, right)


def test_the_specifications_own_example_is_in_order() -> None:
    prereleases = ["alpha", "alpha.1", "alpha.beta", "beta", "beta.2", "beta.11", "rc.1"]
    example = [f"1.0.0-{prerelease}" for prerelease in prereleases] + ["1.0.0", "1.0.1", "2.0.0"]
    keys = [sort_key(version, "semver") for version in example]
    assert all(left < right for left, right in pairwise(keys))
    assert [is_prerelease(version, "semver") for version in example] == [True] * 7 + [False] * 3


@pytest.mark.parametrize(
    "version", ["1.0", "v1.0.0", "1.0.0-", "01.0.0", "1.0.0-01", "1.0.0+", "1.0.0\n", "", "١.0.0", "1.0.0-ü"]
)
def test_what_is_no_semver_is_refused_by_name(version: str) -> None:
    with pytest.raises(InvalidVersion) as caught:
        parse(version, "semver")
    assert (caught.value.version, caught.value.scheme) == (version, "semver") and caught.value.reason


_small = st.integers(0, 12).map(str)
_pep440 = st.builds(
    lambda epoch, release, pre, post, dev, local: f"{epoch}{'.'.join(release)}{pre}{post}{dev}{local}",
    st.sampled_from(["", "0!", "1!"]),
    st.lists(_small, min_size=1, max_size=4),
    st.one_of(
        st.just(""), st.builds("{}{}".format, st.sampled_from(["a", "b", "rc", "-alpha.", ".PRE", "_c"]), _small)
    ),
    st.one_of(
        st.just(""), st.builds("{}{}".format, st.sampled_from([".post", "-", ".rev", "r"]), _small), st.just(".post")
    ),
    st.one_of(st.just(""), st.builds(".dev{}".format, _small), st.just("dev")),
    st.one_of(st.just(""), st.builds("+{}".format, st.from_regex(r"\A[a-zA-Z0-9]{1,3}([._-][a-z0-9]{1,2}){0,2}\Z"))),
)


@given(_pep440, _pep440)
def test_pep440_keys_order_as_packaging_does(left: str, right: str) -> None:
    assert _sign(sort_key(left, "pep440"), sort_key(right, "pep440")) == _sign(Version(left), Version(right))
    assert is_prerelease(left, "pep440") == Version(left).is_prerelease


@pytest.mark.parametrize("version", ["1.0-beta-1-x", "french toast", "1.0+", "1.0+_x", " 1.0", "1..0", "1.0a1b2"])
def test_what_is_no_pep440_is_refused(version: str) -> None:
    with pytest.raises(InvalidVersion):
        validate(version, "pep440")


_RANKS = {"alpha": 0, "beta": 1, "milestone": 2, "rc": 3, "cr": 3, "ea": 3, "snapshot": 4, "sp": 6}


def _maven_items(version: str) -> Any:
    """Nested lists of numbers and (rank, word) pairs."""
    items: Any = []
    current = items
    for match in re.finditer(r"(^|[.-])?(?:(\d+)|([a-z_+~]+))", version.lower()):
        separator, digits, word = match.groups()
        if digits and separator == "-" and current and isinstance(current[-1], int):
            current.append([])
            current = current[-1]
        if digits:
            current.append(int(digits))
            continue
        if version[match.end() : match.end() + 1].isdecimal():
            word = {"a": "alpha", "b": "beta", "m": "milestone"}.get(word, word)
        current.append((_RANKS[word], "") if word in _RANKS else (7, word))
    return items


def _maven_compare(left: Any, right: Any) -> int:
    """Item against item; None stands for what the shorter list lacks."""
    if right is None:
        return 0 if left is None else _against_nothing(left)
    if left is None:
        return -_against_nothing(right)
    if isinstance(left, list) and isinstance(right, list):
        return next((order for pair in zip_longest(left, right) if (order := _maven_compare(*pair))), 0)
    kinds = [tuple, list, int]
    return _sign(kinds.index(type(left)), kinds.index(type(right))) or _sign(left, right)


def _against_nothing(item: Any) -> int:
    if isinstance(item, int):
        return int(item > 0)
    return _against_nothing(item[0]) if isinstance(item, list) else _sign(item[0], 5)


_positive = st.one_of(st.integers(1, 20), st.integers(1, 10**20)).map(str)
_maven_word = st.sampled_from(["alpha", "beta", "rc", "SNAPSHOT", "sp", "jre", "v", "b_", "x"])
_jenkins = st.builds(
    lambda head, tail: head + "".join(tail),
    _positive,
    st.lists(
        st.one_of(
            st.builds("{}{}".format, st.sampled_from([".", "-", ".0."]), _positive),
            st.builds("{}{}{}".format, st.sampled_from(["-", ".", ""]), _maven_word, _positive),
            st.builds("-{}-{}".format, _maven_word, _positive),
        ),
        max_size=4,
    ),
)


@given(_jenkins, _jenkins)
def test_jenkins_keys_order_as_maven_does(left: str, right: str) -> None:
    expected = _maven_compare(_maven_items(left), _maven_items(right))
    assert _sign(sort_key(left, "jenkins"), sort_key(right, "jenkins")) == expected


IN_JENKINS_ORDER = [
    [
        "1.0-alpha-1",
        "1.0-beta-1",
        "1.0-beta-2",
        "1.0-rc9999.abc123def456",
        "1.0-SNAPSHOT",
        "1.0",
        "1.0-sp",
        "1.0-jre",
        "1.0-1",
        "1.0.1",
    ],
    ["2.0.ea", "2.0.ea1", "2.0.ea2", "2.0", "2.0.0.99", "2.0.1-SNAPSHOT", "2.0.1"],
    ["2.0-alpha-1-rc9999.abc123def456", "2.0-alpha-1", "2.0"],
    ["4.5.9", "4.5.10", "4.6.0", "408.v7d5b_135a_b_d49", "1647.ve39ca_b_829b_42", "1651.v000000000000"],
    ["1.12+build.201809061734", "1.13+build.202110011223", "1.13+build.202201171633", "1.14"],
    ["1.13.3-2", "1.13.4-1", "1.13.4-2", "1.13.4-10", "1.13.4.1"],
    ["1.33", "1.33-405.v1", "1.33-406.v0", "1.33.1"],
]


@pytest.mark.parametrize("versions", IN_JENKINS_ORDER, ids=lambda versions: versions[0])
def test_versions_of_real_jenkins_plugins_are_in_order(versions: list[str]) -> None:
    keys = [sort_key(version, "jenkins") for version in versions]
    assert all(left < right for left, right in pairwise(keys))


def test_jenkins_spellings_of_one_version_have_one_key() -> None:
    for same in (
        ["1", "1.0", "1.0.0", "1-0", "1.0.GA", "1-final"],
        ["1.0-a1", "1-alpha-1", "1.ALPHA.1"],
        ["2.0.ea", "2-rc", "2.cr0"],
    ):
        assert len({sort_key(version, "jenkins") for version in same}) == 1


def test_a_commit_hash_does_not_make_a_jenkins_release_a_prerelease() -> None:
    assert not is_prerelease("1647.ve39ca_b_829b_42", "jenkins") and not is_prerelease("1.v5b4a3", "jenkins")
    assert is_prerelease("2.0.0-rc11.9c20b_30c9572", "jenkins") and is_prerelease("1.0-beta-1", "jenkins")


@pytest.mark.parametrize("version", ["", "1 0", "1/0", ".1", "1.0*", "é", "1" * 201])
def test_what_is_no_jenkins_version_is_refused(version: str) -> None:
    with pytest.raises(InvalidVersion):
        validate(version, "jenkins")


def test_opaque_versions_sort_as_natural_text() -> None:
    versions = ["1", "1.2", "1.10", "1.10-β", "2", "build 9", "build 10", "été"]
    keys = [sort_key(version, "opaque") for version in versions]
    assert keys == sorted(keys) and not any(is_prerelease(version, "opaque") for version in versions)


def _natural(left: str, right: str) -> int:
    runs = [re.findall(r"[0-9]+|[^0-9]+", version) for version in (left, right)]
    ours, theirs = ([(0, int(run), "") if run.isdecimal() else (1, 0, run) for run in side] for side in runs)
    return _sign(ours, theirs)


@given(st.lists(st.from_regex(r"\A[0-9a-z.~-]{1,8}\Z"), min_size=1, max_size=6))
def test_opaque_keys_agree_with_natural_comparison(versions: list[str]) -> None:
    by_key = sorted(versions, key=lambda version: sort_key(version, "opaque"))
    assert not any(_natural(left, right) > 0 for left, right in pairwise(by_key))
    assert sorted(versions, key=cmp_to_key(_natural)) == by_key


@pytest.mark.parametrize("version", ["", " 1", "1\n", "a/b", "a\x00", "x" * 201])
def test_an_opaque_version_must_at_least_be_printable(version: str) -> None:
    with pytest.raises(InvalidVersion):
        validate(version, "opaque")


def test_keys_hold_digits_only_so_every_collation_agrees() -> None:
    for version, scheme in (
        ("1.0.0-Rc.1+x", "semver"),
        ("1!2rc1.post3.dev4+u-1", "pep440"),
        ("1.0-Beta_x", "jenkins"),
        ("ü 1", "opaque"),
    ):
        assert re.fullmatch(r"[0-9]+", sort_key(version, scheme))


def test_an_unknown_scheme_and_an_endless_number_are_refused() -> None:
    with pytest.raises(InvalidVersion, match="calver"):
        validate("2026.01", "calver")
    with pytest.raises(InvalidVersion, match="99 digits"):
        validate("1" * 100 + ".0.0", "semver")


@pytest.mark.parametrize("pattern", ["1.{}.0-rc.{}", "{}.{}", "{}.v7d5b_{}a_b"])
def test_ten_thousand_versions_take_well_under_a_second(pattern: str) -> None:
    scheme = {"1.{}.0-rc.{}": "semver", "{}.{}": "pep440"}.get(pattern, "jenkins")
    versions = [pattern.format(number, 7) for number in range(10_000)]
    assert under(1, lambda: [sort_key(version, scheme) for version in versions])
