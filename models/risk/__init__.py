"""Governance risk of a plugin: probability, impact, confidence and compliance, apart; each factor with reason and fix.

`score(features, model)` is a pure function of a features record and a model's numbers.
"""

from models.risk.advisories import open_advisories
from models.risk.features import FEATURES, conform, fingerprint, from_records, to_records
from models.risk.hazard import AdvisoryHazard, Staleness
from models.risk.model import RiskModel
from models.risk.panel import Sources, features_at, panel, refit
from models.risk.papers import card
from models.risk.score import replay, score

__all__ = [
    "FEATURES",
    "AdvisoryHazard",
    "RiskModel",
    "Sources",
    "Staleness",
    "card",
    "conform",
    "features_at",
    "fingerprint",
    "from_records",
    "open_advisories",
    "panel",
    "refit",
    "replay",
    "score",
    "to_records",
]
