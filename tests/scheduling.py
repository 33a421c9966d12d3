"""Which tests run on the same worker: those of a file, and those of a folder that shares something dear.

xdist's own groups (`--dist loadgroup`) write into a private attribute that pytest 9.2 no longer reads: tests of one group
were spread over all workers, and each started the group's processes anew.
"""

from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/loop/", "tests/dashboards/")
"""Folders whose fixtures fill a registry, or start a browser, for all of their files."""


class ByPlace(LoadScopeScheduling):
    """Hands whole files, or whole folders, to workers."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid.split("::", 1)[0])
