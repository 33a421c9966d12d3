"""The `patchbay` command."""
