"""May this be installed? The one place that says so, for whoever installs to ask first."""

from registry_api.catalog.models import Plugin, Release
from registry_api.catalog.repository import Catalogue
from registry_api.catalog.sharing.repository import PluginGrants
from registry_api.db import Reader
from registry_api.installs.blocks import Blocks
from registry_api.installs.repository import Installs
from registry_api.installs.schemas import InstallAnswer, InstallQuestion
from registry_api.problems import NotFound


async def check_install(reader: Reader, target: str, question: InstallQuestion) -> InstallAnswer:
    """Whether a release, or which one, may be installed; raises `NotFound` for a target or plugin that is not there."""
    await reader.repository(Installs).target(target)
    plugin, hidden = await _asked(reader, question.plugin)
    if plugin is None:
        return InstallAnswer(allowed=False, version=question.version, reason=hidden, instead=None)
    newest = await reader.repository(Blocks).newest_allowed(plugin.id)
    instead = newest.version if newest else None
    if question.version is None:
        reason = None if newest else f"{plugin.ref} has no release that is neither yanked nor blocked."
        return InstallAnswer(allowed=newest is not None, version=instead, reason=reason, instead=None)
    reason = await _objection(reader, plugin, question.version)
    return InstallAnswer(
        allowed=reason is None, version=question.version, reason=reason, instead=instead if reason else None
    )


async def _asked(reader: Reader, named: str) -> tuple[Plugin | None, str | None]:
    """The plugin, or why it may not be installed at all; raises `NotFound` for one the tenant never saw."""
    catalogue, former = reader.repository(Catalogue), None
    try:
        plugin = await catalogue.plugin(named)
    except NotFound:
        former = await reader.repository(PluginGrants).former(named)
        if former is None:
            raise
        return None, f"{former.ref} is no longer shared with this tenant."
    if await catalogue.may_install(plugin):
        return plugin, None
    return None, f"{plugin.ref} is shared with this tenant for reading only."


async def _objection(reader: Reader, plugin: Plugin, version: str) -> str | None:
    release = await _release(reader, plugin, version)
    if release is None:
        return f"{plugin.ref} has no release {version}."
    if release.yanked:
        return f"{plugin.ref} {version} was yanked by its publisher."
    block = (await reader.repository(Blocks).of([release.id])).get(release.id)
    return None if block is None else f"{plugin.ref} {version} is blocked: {block.reason}"


async def _release(reader: Reader, plugin: Plugin, version: str) -> Release | None:
    query = reader.repository(Catalogue).releases(plugin.id).where(Release.version == version)
    return (await reader.session.execute(query)).scalar_one_or_none()
