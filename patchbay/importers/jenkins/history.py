"""What catalogues said so far, so that each posts only what it changes.

Releases are immutable in the registry: what was said first stands, a later catalogue can only fill what was missing;
one that says otherwise is counted as restated. Plugins that a later catalogue does not list are withdrawn.
All this is known within one run only: a catalogue imported alone has none before it, and withdraws nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from patchbay.importers.jenkins.update_center import Catalogue, PluginRow, Said
from patchbay.importers.report import Where

Document = dict[str, Any]
Change = tuple[Document, Where]
_PLAUSIBLE_SHARE = 0.5


@dataclass(slots=True)
class _Known:
    """A plugin as last sent."""

    document: Document
    where: Where
    first_known: str | None
    releases: dict[str, Document] = field(default_factory=dict)


class History:
    """The state of the catalogue after the files seen, in the order they were given."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._listed: frozenset[str] = frozenset()
        self._earlier: dict[tuple[str, str], tuple[Document, Where]] = {}
        self._advisories: dict[str, Document] = {}
        self.said: Said = {}
        self.restated: set[tuple[str, str]] = set()

    @property
    def plugins(self) -> int:
        """How many plugins were ever listed."""
        return len(self._known)

    @property
    def releases_known(self) -> int:
        """How many releases were sent so far, each counted once."""
        return sum(len(known.releases) for known in self._known.values())

    def changes(self, catalogue: Catalogue) -> Iterator[Change | None]:
        """For each plugin row the document to send, or None when it says nothing new."""
        for row in catalogue.plugins:
            known = self._known.get(row.name)
            if known is None:
                known = self._known[row.name] = _Known({}, row.where, _first_known(row))
            document = row.document | ({"occurred_at": known.first_known} if known.first_known else {})
            releases = self._news(row, known)
            self._remember_earlier(row)
            if document == known.document and not releases:
                yield None
            else:
                known.document, known.where = document, row.where
                yield {**document, "releases": releases}, row.where

    def withdrawals(self, catalogue: Catalogue) -> Iterator[Change]:
        """Plugins that were listed and no longer are."""
        for name in sorted(self._listed - catalogue.names):
            known = self._known.get(name)
            if known and known.document["lifecycle"] != "withdrawn":
                yield self._lifecycle(known, "withdrawn", catalogue.where)
        self._listed = catalogue.names

    def is_implausible(self, catalogue: Catalogue) -> bool:
        """Whether the catalogue lists so few of the plugins listed before that it must be a part of one."""
        kept = len(self._listed & catalogue.names)
        return bool(self._listed) and kept < _PLAUSIBLE_SHARE * len(self._listed)

    def deprecations(self, names: dict[str, Where]) -> Iterator[Change]:
        """Plugins still listed that an outside list calls deprecated."""
        for name, where in names.items():
            known = self._known.get(name)
            if known and known.document["lifecycle"] == "active":
                yield self._lifecycle(known, "deprecated", where)

    def earlier_releases(self) -> Iterator[Change]:
        """Releases that catalogues mention as the one before but none of them describes: a version and a time only."""
        by_plugin: dict[str, list[Document]] = {}
        for (name, version), (release, _) in self._earlier.items():
            if version not in self._known[name].releases:
                by_plugin.setdefault(name, []).append(release)
        for name, releases in by_plugin.items():
            known = self._known[name]
            known.releases |= {release["version"]: release for release in releases}
            yield {**known.document, "releases": releases}, known.where

    def is_new_advisory(self, advisory: Document) -> bool:
        """Whether it differs from what was said last under its id."""
        if self._advisories.get(advisory["external_id"]) == advisory:
            return False
        self._advisories[advisory["external_id"]] = advisory
        return True

    def _news(self, row: PluginRow, known: _Known) -> list[Document]:
        version, release = row.version, row.release
        said = known.releases.get(version)
        if said is None:
            known.releases[version] = release
            return [release]
        if any(said.get(name, value) != value for name, value in release.items()):
            self.restated.add((row.name, version))
        filled = {name: value for name, value in release.items() if name not in said}
        if not filled:
            return []
        known.releases[version] = said | filled
        return [known.releases[version]]

    def _remember_earlier(self, row: PluginRow) -> None:
        if row.previous is not None:
            self._earlier.setdefault((row.name, row.previous["version"]), (row.previous, row.where))

    def _lifecycle(self, known: _Known, lifecycle: str, where: Where) -> Change:
        known.document = {**known.document, "lifecycle": lifecycle}
        self.said.pop(known.document["name"], None)
        return {**known.document, "releases": []}, where


def _first_known(row: PluginRow) -> str | None:
    times = (release.get("released_at") for release in (row.release, row.previous or {}))
    return min((moment for moment in times if moment), default=None)
