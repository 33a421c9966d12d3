"""The kernel every other room may import: settings, contracts, client, storage, versions, clock, ids, telemetry."""
