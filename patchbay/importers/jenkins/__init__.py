"""The Jenkins update center and its install statistics."""

from patchbay.importers.jenkins.importing import run

__all__ = ["run"]
