"""What is found of the generated world's planted truths, which only this test and the benchmark read."""

import pytest

from benchmarks.anomalies import measure
from patchbay.world.config import WorldConfig
from patchbay.world.world import build_world


@pytest.mark.slow
def test_surges_outages_and_the_bad_release_are_found_in_time_with_few_false_alerts():
    result = measure(build_world(WorldConfig()))
    assert result["found_share"] >= 0.9
    assert result["median_delay_minutes"] < 4
    assert result["false_alerts_per_series_day"] <= 0.5
    assert result["found"]["bad_release"]["found"] == result["found"]["bad_release"]["planted"] == 1
    assert result["false_release_alerts"] == 0
