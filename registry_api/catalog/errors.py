"""Problems of the catalogue."""

from registry_api.problems import Conflict


class PluginExists(Conflict):
    """The tenant has a plugin of that ref already."""

    code, title = "plugin_exists", "The plugin exists"


class ReleaseConflict(Conflict):
    """A release is immutable, and the one that exists says otherwise."""

    code, title = "release_conflict", "The release exists with other content"


class PluginInUse(Conflict):
    """The plugin was observed on targets, so its record must stay."""

    code, title = "plugin_in_use", "The plugin is in use"
