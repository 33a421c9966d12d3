"""Which version of what it needs each release asks for."""

import numpy as np

from patchbay.world.dependencies import Dependencies
from patchbay.world.releases import Releases


def requirements(releases: Releases, dependencies: Dependencies) -> dict[int, list[tuple[int, str, bool]]]:
    """For each release its (needed plugin, requirement, optional); required is the newest stable one of that time."""
    wanted: dict[int, list[tuple[int, str, bool]]] = {}
    for plugin, needs, optional in zip(
        dependencies.plugin.tolist(), dependencies.needs.tolist(), dependencies.optional.tolist(), strict=True
    ):
        rows = np.flatnonzero(releases.plugin == plugin)
        least = releases.latest_stable(np.full(len(rows), needs), releases.at[rows])
        for row, release in zip(rows.tolist(), least.tolist(), strict=True):
            wanted.setdefault(row, []).append((needs, f">={releases.version[release]}", optional))
    return wanted
