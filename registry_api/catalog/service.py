"""Rules of the catalogue: one way in for single plugins, single releases and whole batches."""

from collections.abc import Sequence
from uuid import UUID

from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from registry_api.catalog.crossing import follow_sharing, follow_visibility
from registry_api.catalog.documents import PLUGIN_COLUMNS, RELEASE_COLUMNS, Draft, Record
from registry_api.catalog.errors import PluginExists, ReleaseConflict
from registry_api.catalog.feed import dependency_row, plugin_row, release_row
from registry_api.catalog.links import link_waiting
from registry_api.catalog.models import Dependency, Plugin, Release
from registry_api.catalog.reach import require_reach, within_reach
from registry_api.catalog.recording import record_changes, record_plugin
from registry_api.catalog.repository import Catalogue
from registry_api.catalog.schemas import PluginDocument, PluginPatch, ReleaseDocument
from registry_api.catalog.store import CatalogueStore
from registry_api.catalog.visibility import is_public
from registry_api.db import UnitOfWork
from registry_api.intake.documents import Outcome
from registry_api.problems import FieldError, NotFound, Unprocessable

ONLY_RELEASES = frozenset({"namespace", "name", "releases"})
"""What a document states that changes nothing of the plugin itself."""


async def apply_catalogue(work: UnitOfWork, documents: list[tuple[int, PluginDocument]], outcome: Outcome) -> None:
    """Upsert a batch of plugins with their releases; what is identical writes nothing, not even a feed row."""
    await work.repository(CatalogueStore).take_turn()
    scope = work.principal.scope
    documents = within_reach(scope, documents, lambda document: document.ref, outcome, "/plugins/{index}/namespace")
    draft = await _load(work, [document for _, document in documents])
    for index, document in documents:
        draft.apply(index, document, outcome, f"/plugins/{index}")
    await _save(work, draft)


async def create_plugin(work: UnitOfWork, document: PluginDocument) -> UUID:
    """Add one plugin; raises `PluginExists`, or `Unprocessable` when one of its releases is refused."""
    await work.repository(CatalogueStore).take_turn()
    draft = await _load(work, [document])
    if document.ref in draft.plugins:
        raise PluginExists(f"{document.ref} exists; change it with PATCH, or send it in a catalogue batch.")
    outcome = Outcome()
    plugin = draft.apply(0, document, outcome, "")
    _raise_refusal(outcome)
    await _save(work, draft)
    record_plugin(work, plugin["id"], document)
    return plugin["id"]  # type: ignore[no-any-return]


async def claim_plugin(work: UnitOfWork, plugin: str) -> Plugin:
    """An own plugin by id or ref, locked for a change; raises `NotFound`.

    The turn comes first, as in batches: who locked the row and then waited for the turn would wait for a batch that waits for it.
    """
    await work.repository(CatalogueStore).take_turn()
    return await work.repository(Catalogue).own_plugin(plugin)


async def claim_for_release(work: UnitOfWork, plugin: str) -> Record:
    """An own plugin to publish a release of, beside others who publish: of other plugins at once, of this one in turn."""
    found = await work.repository(CatalogueStore).take_turn_beside(plugin)
    if found is None:
        raise NotFound(f"This tenant owns no plugin {plugin[:401]!r}; name it by id or namespace:name.")
    require_reach(work.principal.scope, found["ref"])
    return found


async def add_release(work: UnitOfWork, plugin: Record, document: ReleaseDocument) -> Draft:
    """Add one release to a claimed plugin, or fill what was null in it; it is among the draft's new ones where it is new.

    Raises `ReleaseConflict` when it exists with other content.
    """
    whole = PluginDocument(namespace=plugin["namespace"], name=plugin["name"], releases=[document])
    draft = await _load(work, [whole], {plugin["ref"]: plugin})
    outcome = Outcome()
    draft.apply(0, whole, outcome, "")
    _raise_refusal(outcome)
    await _save(work, draft)
    if draft.new_releases:
        work.audit("release.published", f"plugin:{plugin['id']}", after=document.model_dump(mode="json"))
    return draft


async def change_plugin(work: UnitOfWork, plugin: Plugin, patch: PluginPatch) -> None:
    """Change the fields of a claimed plugin that the patch states."""
    stated = {name: getattr(patch, name) for name in patch.model_fields_set}
    for name in ("lifecycle", "visibility", "labels", "maintainers"):
        if name in stated and stated[name] is None:
            raise Unprocessable(
                f"{name} cannot be null.", errors=[FieldError(f"/{name}", "not_nullable", "State a value.")]
            )
    document = PluginDocument(namespace=plugin.namespace, name=plugin.name, **stated)
    draft = await _load(work, [document])
    draft.apply(0, document, Outcome(), "")
    await _save(work, draft)


def _raise_refusal(outcome: Outcome) -> None:
    if not outcome.rejects:
        return
    errors = [FieldError(reject.field, reject.code, reject.reason) for reject in outcome.rejects]
    kind = ReleaseConflict if any(error.code == "release_conflict" for error in errors) else Unprocessable
    raise kind(errors[0].detail, errors=errors)


async def _load(
    work: UnitOfWork, documents: Sequence[PluginDocument], plugins: dict[str, Record] | None = None
) -> Draft:
    """What the documents name as it is; labels and maintainers of plugins of which a document states more than releases."""
    store, catalogue = work.repository(CatalogueStore), work.repository(Catalogue)
    if plugins is None:
        plugins = await store.own_plugins([document.ref for document in documents])
    plugin_ids = [plugin["id"] for plugin in plugins.values()]
    stated = {document.ref for document in documents if document.model_fields_set - ONLY_RELEASES}
    told = [plugin["id"] for ref, plugin in plugins.items() if ref in stated]
    versions = {release.version for document in documents for release in document.releases}
    releases = await store.releases(plugin_ids, versions) if versions else {}
    return Draft(
        tenant_id=work.principal.tenant_id,
        now=utcnow(),
        plugins=plugins,
        labels=await catalogue.labels(told) if told else {},
        maintainers=await catalogue.maintainers(told) if told else {},
        releases=releases,
        dependencies=await store.dependencies([release["id"] for release in releases.values()]),
    )


async def _save(work: UnitOfWork, draft: Draft) -> None:
    store = work.repository(CatalogueStore)
    by_id = {plugin["id"]: plugin for plugin in draft.plugins.values()}
    fresh = [by_id[id] for id, change in draft.changes.items() if change.before is None]
    changed = [by_id[id] for id, change in draft.changes.items() if change.before is not None]
    await store.insert(Plugin, fresh)
    await store.update(Plugin, changed, PLUGIN_COLUMNS)
    await store.replace_labels({id: _label_rows(draft, id) for id in draft.relabelled})
    await store.replace_maintainers({id: _maintainer_rows(draft, id) for id in draft.remaintained})
    await store.insert(Release, list(draft.new_releases.values()))
    await store.update(Release, list(draft.changed_releases.values()), RELEASE_COLUMNS)
    await _link_own(store, draft, by_id)
    await store.insert(Dependency, draft.new_dependencies)
    record_changes(work, draft)
    _publish(work, draft, by_id)
    opened = await follow_visibility(work, draft, by_id)
    await link_waiting(work, [*fresh, *opened])
    await follow_sharing(work, draft, by_id)


def _label_rows(draft: Draft, plugin_id: UUID) -> list[Record]:
    return [{**_owned(draft, plugin_id), "label": label} for label in draft.labels[plugin_id]]


def _maintainer_rows(draft: Draft, plugin_id: UUID) -> list[Record]:
    named = draft.maintainers[plugin_id].items()
    return [{**_owned(draft, plugin_id), "handle": handle, "name": name} for handle, name in named]


def _owned(draft: Draft, plugin_id: UUID) -> Record:
    return {"id": new_id(), "tenant_id": draft.tenant_id, "recorded_at": draft.now, "plugin_id": plugin_id}


async def _link_own(store: CatalogueStore, draft: Draft, by_id: dict[UUID, Record]) -> None:
    if not draft.new_dependencies:
        return
    known = await store.linked_ids([row["dependency_ref"] for row in draft.new_dependencies])
    known |= {plugin["ref"]: plugin["id"] for plugin in by_id.values()}
    for row in draft.new_dependencies:
        row["dependency_plugin_id"] = known.get(row["dependency_ref"])


def _publish(work: UnitOfWork, draft: Draft, by_id: dict[UUID, Record]) -> None:
    scope = work.principal.scope

    def public(plugin_id: UUID) -> bool:
        return is_public(draft.tenant_id, scope.operator_id, by_id[plugin_id]["visibility"])

    for id, change in draft.changes.items():
        row = plugin_row(by_id[id], draft.labels[id], draft.maintainers[id])
        event = "plugin.created" if change.before is None else "plugin.updated"
        work.publish("plugins", "upsert", id, row, tenant_id=draft.tenant_id, public=public(id), event=event)
    for release in (*draft.new_releases.values(), *draft.changed_releases.values()):
        seen = public(release["plugin_id"])
        row, event = release_row(release), draft.event_of_release(release)
        work.publish("releases", "upsert", release["id"], row, tenant_id=draft.tenant_id, public=seen, event=event)
    for row in draft.new_dependencies:
        seen = public(row["plugin_id"])
        work.publish("dependencies", "upsert", row["id"], dependency_row(row), tenant_id=draft.tenant_id, public=seen)
