"""Public registries' formats, turned into API calls."""
