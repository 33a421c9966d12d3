"""Problems of the catalogue."""

from registry_api.problems import Conflict, Forbidden, Unprocessable


class PluginExists(Conflict):
    """The tenant has a plugin of that ref already."""

    code, title = "plugin_exists", "The plugin exists"


class ReleaseConflict(Conflict):
    """A release is immutable, and the one that exists says otherwise."""

    code, title = "release_conflict", "The release exists with other content"


class PluginInUse(Conflict):
    """Records name the plugin, or may, so it must stay."""

    code, title = "plugin_in_use", "The plugin is in use"


class MatchingTooLong(Unprocessable):
    """Patterns of advisories would keep the service busy for too long."""

    code, title = "matching_too_long", "Matching the versions takes too long"


class NamespaceNotGranted(Forbidden):
    """The caller may change the catalogue, but not there."""

    code, title = "namespace_not_granted", "This namespace is not yours to change"
