"""Problems of grants."""

from registry_api.problems import Conflict


class PluginNotShared(Conflict):
    """A grant of a plugin whose visibility is not `shared` would give nothing."""

    code, title = "plugin_not_shared", "The plugin is not shared"


class GrantExists(Conflict):
    """The plugin is granted to that tenant already."""

    code, title = "grant_exists", "The tenant has a grant of this plugin"


class GrantEnded(Conflict):
    """What has ended cannot be changed."""

    code, title = "grant_ended", "The grant has ended"
