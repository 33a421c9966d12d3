"""Catalogue rows as the feeds carry them."""

from collections.abc import Mapping
from typing import Any

import orjson

Record = Mapping[str, Any]

_PLUGIN = (
    "namespace",
    "name",
    "title",
    "summary",
    "homepage_url",
    "repository_url",
    "licence",
    "lifecycle",
    "visibility",
)
_RELEASE = (
    "plugin_id",
    "version",
    "version_scheme",
    "sort_key",
    "prerelease",
    "requires_host",
    "artifact_url",
    "digest",
)
_RELEASE_REST = ("size_bytes", "yanked", "released_at")
_DEPENDENCY = ("release_id", "plugin_id", "dependency_ref", "dependency_plugin_id", "requirement", "optional")
_ADVISORY = (
    "external_id",
    "subject_kind",
    "subject_ref",
    "plugin_id",
    "summary",
    "url",
    "severity",
    "unfixed",
    "published_at",
)


def plugin_row(plugin: Record, labels: list[str], maintainers: Mapping[str, str | None]) -> dict[str, Any]:
    """The plugins feed's own columns."""
    fields = {name: plugin[name] for name in _PLUGIN}
    return {**fields, "labels": labels, "maintainers": list(maintainers), "occurred_at": plugin["occurred_at"]}


def release_row(release: Record) -> dict[str, Any]:
    """The releases feed's own columns."""
    return {name: release[name] for name in _RELEASE + _RELEASE_REST}


def dependency_row(dependency: Record) -> dict[str, Any]:
    """The dependencies feed's own columns."""
    return {name: dependency[name] for name in _DEPENDENCY}


def advisory_row(advisory: Record) -> dict[str, Any]:
    """The advisories feed's own columns."""
    return {**{name: advisory[name] for name in _ADVISORY}, "ranges": orjson.dumps(advisory["ranges"]).decode()}
