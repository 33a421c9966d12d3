"""From a society to the JSON documents of the API: catalogue, advisories, targets and observed installations."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from patchbay.world.advisories import HOST_PRODUCT, Advisory
from patchbay.world.catalogue import OPERATOR
from patchbay.world.requirements import requirements
from patchbay.world.society import Society
from patchbay.world.tenants import ENVIRONMENTS
from patchbay.world.times import DAY, Ints, iso

SOURCE = "inventory"
TARGET_KIND = "patchbay-host"

Document = dict[str, Any]


def plugin_documents(society: Society, owner: int = OPERATOR) -> list[Document]:
    """PluginDocuments with all releases of the plugins one tenant owns; OPERATOR gives the public catalogue.

    Empty for a tenant without plugins.
    """
    if owner not in society.catalogue.owner:
        return []
    wanted = requirements(society.releases, society.dependencies)
    refs = society.catalogue.refs
    bounds = np.searchsorted(society.releases.plugin, np.arange(len(society.catalogue) + 1))
    return [
        _plugin(
            society,
            index,
            [_release(society, row, refs, wanted.get(row, [])) for row in range(*bounds[index : index + 2])],
        )
        for index in np.flatnonzero(society.catalogue.owner == owner).tolist()
    ]


def _plugin(society: Society, index: int, releases: list[Document]) -> Document:
    plugin = society.catalogue.plugins[index]
    place = f"{plugin.namespace}/{plugin.name}"
    return {
        "namespace": plugin.namespace,
        "name": plugin.name,
        "title": plugin.title,
        "summary": plugin.summary,
        "homepage_url": f"https://plugins.example/{place}",
        "repository_url": f"https://code.example/{place}",
        "licence": plugin.licence,
        "lifecycle": plugin.lifecycle,
        "visibility": "public" if society.catalogue.owner[index] == OPERATOR else "private",
        "labels": list(plugin.labels),
        "maintainers": [{"handle": handle, "name": handle.replace("-", " ").title()} for handle in plugin.maintainers],
        "occurred_at": iso(society.catalogue.created[index]),
        "releases": releases,
    }


def _release(society: Society, row: int, refs: list[str], wanted: list[tuple[int, str, bool]]) -> Document:
    releases = society.releases
    plugin, version = society.catalogue.plugins[releases.plugin[row]], releases.version[row]
    quarter = int((releases.at[row] - releases.origin) // (91 * DAY))
    return {
        "version": version,
        "version_scheme": "semver",
        "prerelease": bool(releases.prerelease[row]),
        "requires_host": f"2.{quarter}.0",
        "artifact_url": f"https://artifacts.example/{plugin.namespace}/{plugin.name}/{version}.tar.gz",
        "digest": releases.digest[row],
        "size_bytes": int(releases.size[row]),
        "released_at": iso(releases.at[row]),
        "dependencies": [
            {"ref": refs[needs], "requirement": least, "optional": optional} for needs, least, optional in wanted
        ],
    }


def advisory_documents(society: Society) -> list[Document]:
    """Advisories as the API takes them."""
    refs = society.catalogue.refs
    return [_advisory(advisory, refs) for advisory in society.advisories]


def _advisory(advisory: Advisory, refs: list[str]) -> Document:
    bounds = {"first_version": advisory.first_version, "last_version": advisory.last_version}
    return {
        "external_id": advisory.external_id,
        "subject_kind": "host" if advisory.plugin is None else "plugin",
        "subject_ref": HOST_PRODUCT if advisory.plugin is None else refs[advisory.plugin],
        "summary": advisory.summary,
        "url": f"https://advisories.example/{advisory.external_id}",
        "severity": advisory.severity,
        "ranges": [{name: version for name, version in bounds.items() if version is not None}],
        "published_at": iso(advisory.published_at),
    }


def target_documents(society: Society, tenant: int) -> list[Document]:
    """One tenant's targets."""
    targets = society.targets
    return [
        {
            "name": targets.name[index],
            "title": f"{society.tenants.names[tenant]} {targets.name[index].replace('-', ' ')}",
            "environment": ENVIRONMENTS[targets.environment[index]],
            "kind": TARGET_KIND,
        }
        for index in targets.of(tenant).tolist()
    ]


def observations(society: Society, tenant: int) -> list[Document]:
    """What an inventory of one tenant's targets saw, in order of time: added, updated and removed."""
    mine = np.flatnonzero(society.tenant == tenant)
    installs = society.installs
    found = [*_rows(society, mine, installs.start[mine], None), *_rows(society, *_removals(society, mine))]
    return [document for _, document in sorted(found, key=lambda pair: pair[0])]


def _removals(society: Society, mine: Ints) -> tuple[Ints, Ints, str]:
    gone = mine[society.installs.closes[mine]]
    return gone, society.installs.stop[gone], "removed"


def _rows(society: Society, rows: Ints, at: Ints, event: str | None) -> Iterator[tuple[tuple[int, int, int], Document]]:
    installs, refs = society.installs, society.catalogue.refs
    for row, moment in zip(rows.tolist(), at.tolist(), strict=True):
        change = event or ("added" if installs.opens[row] else "updated")
        document = {
            "target": society.targets.name[installs.target[row]],
            "plugin": refs[installs.plugin[row]],
            "event": change,
            "version": society.releases.version[installs.release[row]],
            "origin": "dependency" if installs.dependency[row] else "chosen",
            "source": SOURCE,
            "occurred_at": iso(moment),
        }
        yield (moment, row, 0 if event is None else 1), document
