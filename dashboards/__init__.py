"""The Dash app: pages over published snapshots of the warehouse."""
