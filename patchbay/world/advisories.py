"""Security advisories on some plugins: most mended by a later release, some still open."""

from dataclasses import dataclass

import numpy as np

from patchbay.world.catalogue import OPERATOR, Catalogue
from patchbay.world.config import WorldConfig
from patchbay.world.releases import Releases
from patchbay.world.times import DAY, moment
from patchbay.world.words import ADVISORY_SUBJECTS

SEVERITIES = ("low", "medium", "high", "critical")
HOST_PRODUCT = "patchbay-host"


@dataclass(frozen=True, slots=True)
class Advisory:
    """One advisory; `last_version` is None while nothing mends it. Times in microseconds."""

    external_id: str
    plugin: int | None
    summary: str
    severity: str
    first_version: str | None
    last_version: str | None
    published_at: int


def build_advisories(config: WorldConfig, catalogue: Catalogue, releases: Releases) -> tuple[Advisory, ...]:
    """About 7 % of the public plugins have one, more with many releases; a fifth are unfixed; one is the host's."""
    rng = config.rng("advisories")
    counts = np.bincount(releases.plugin, minlength=len(catalogue)) * (catalogue.owner == OPERATOR)
    wanted = max(2, config.plugins * 7 // 100)
    drawn = np.sort(
        rng.choice(len(catalogue), min(wanted, int((counts > 0).sum())), replace=False, p=counts / counts.sum())
    )
    found = [
        _of_plugin(config, rng, releases, int(plugin), unfixed=place % 5 == 0) for place, plugin in enumerate(drawn)
    ]
    host_at = config.start_us - 20 * DAY
    return (
        *found,
        Advisory(_number(host_at, len(catalogue)), None, ADVISORY_SUBJECTS[1], "high", None, "2.3.9", host_at),
    )


def _of_plugin(
    config: WorldConfig, rng: np.random.Generator, releases: Releases, plugin: int, *, unfixed: bool
) -> Advisory:
    rows = np.flatnonzero(releases.plugin == plugin)
    first = int(rng.integers(0, len(rows)))
    last = int(rng.integers(first, len(rows)))
    fixed = not unfixed and last < len(rows) - 1
    after = int(releases.at[rows[last + 1]] if fixed else releases.at[rows[last]] + int(rng.uniform(3, 60) * DAY))
    published = min(after, config.end_us - DAY)
    return Advisory(
        external_id=_number(published, plugin),
        plugin=plugin,
        summary=str(rng.choice(ADVISORY_SUBJECTS)),
        severity=str(rng.choice(SEVERITIES, p=(0.2, 0.4, 0.3, 0.1))),
        first_version=releases.version[rows[first]],
        last_version=releases.version[rows[last]] if fixed else None,
        published_at=published,
    )


def _number(published: int, place: int) -> str:
    return f"PBW-{moment(published).year}-{place:05d}"
