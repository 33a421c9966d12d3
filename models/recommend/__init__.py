"""Which plugins a target may want next: models, their fair comparison, the choice of one, and reasons for what it says."""
