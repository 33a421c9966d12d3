"""Staging, core and marts: an asset and a set of checks for each table contract."""
