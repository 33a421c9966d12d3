"""Grants: a plugin that its owner shows to tenants it names."""
