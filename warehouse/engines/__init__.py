"""Engines: what runs the transforms. Only here does an engine's name or a physical choice appear."""
