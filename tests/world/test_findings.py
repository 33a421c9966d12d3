"""What counts as finding a planted truth."""

from typing import Any

import pytest

from patchbay.world.findings import Finding, findings

TENANTS = {"id-acme": "acme", "id-globex": "globex"}
VERSIONS = {"id-release": "1.2.0"}
TRUTH = {
    "kind": "surge", "tenant": "acme", "plugin": "ns:git", "version": None,
    "starts_at": "2026-09-04T08:00:00.000000Z", "ends_at": "2026-09-04T09:00:00.000000Z",
}  # fmt: skip
BAD = TRUTH | {"kind": "bad_release", "tenant": None, "version": "1.2.0"}


def told(**changed: Any) -> dict[str, Any]:
    """An anomaly that tells of the truth, but for what is changed."""
    return {
        "kind": "surge", "tenant_id": "id-acme", "plugin": "ns:git", "release_id": None,
        "started_at": "2026-09-04T08:10:00Z", "ended_at": "2026-09-04T08:20:00Z",
    } | changed  # fmt: skip


def found(truth: dict[str, Any], *anomalies: dict[str, Any]) -> int:
    [finding] = findings([truth], anomalies, TENANTS, VERSIONS)
    return finding.found


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({}, id="its very place"),
        pytest.param({"plugin": None}, id="its tenant as a whole"),
        pytest.param({"tenant_id": "id-operator"}, id="its plugin over all tenants"),
        pytest.param({"ended_at": None}, id="still going on"),
        pytest.param({"kind": "novelty"}, id="more than was ever seen"),
    ],
)
def test_a_truth_is_found_by_an_anomaly_of(changed: dict[str, Any]) -> None:
    assert found(TRUTH, told(**changed)) == 1


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"kind": "outage"}, id="the other direction"),
        pytest.param({"tenant_id": "id-globex"}, id="another tenant"),
        pytest.param({"plugin": "ns:other"}, id="another plugin"),
        pytest.param({"tenant_id": "id-operator", "plugin": None}, id="everybody together"),
        pytest.param({"started_at": "2026-09-04T09:00:00Z", "ended_at": None}, id="the time after"),
        pytest.param({"started_at": "2026-09-04T07:00:00Z", "ended_at": "2026-09-04T08:00:00Z"}, id="the time before"),
    ],
)
def test_a_truth_is_not_found_by_an_anomaly_of(changed: dict[str, Any]) -> None:
    assert found(TRUTH, told(**changed)) == 0


def test_a_truth_of_a_whole_tenant_is_found_by_a_part_of_it() -> None:
    assert found(TRUTH | {"plugin": None}, told()) == 1


def test_a_release_is_found_by_its_name_at_any_time() -> None:
    errors = {"kind": "errors", "tenant_id": None, "started_at": "2026-10-04T00:00:00Z", "ended_at": None}
    assert found(BAD, told(**errors, release_id="id-release")) == 1
    assert found(BAD, told(**errors, release_id="id-another")) == 0


def test_kinds_are_counted_apart_and_those_that_nobody_watches_are_left_out() -> None:
    truths = [TRUTH, TRUTH | {"tenant": "globex"}, TRUTH | {"kind": "outage"}, TRUTH | {"kind": "leaky_release"}]
    assert findings(truths, [told()], TENANTS, VERSIONS) == [Finding("surge", 2, 1), Finding("outage", 1, 0)]
