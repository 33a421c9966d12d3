"""The pure rule engine: rules and samples in, plans and reasons out; `patchbay.automation.engine` is its door."""
