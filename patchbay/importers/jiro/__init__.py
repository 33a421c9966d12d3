"""jiro: the controllers of the Eclipse Foundation's Jenkins, which plugins each has, and when that changed."""

from patchbay.importers.jiro.importing import run

__all__ = ["run"]
