"""The warehouse: table contracts, pure transforms, engines, quality gates, and published read snapshots."""
