"""Public registries' formats turned into calls of our API; nothing here knows the registry's tables."""

from patchbay.importers.report import Progress, RejectedRow, Report, Tally
from patchbay.importers.sources import Limits, SourceError

__all__ = ["Limits", "Progress", "RejectedRow", "Report", "SourceError", "Tally"]
