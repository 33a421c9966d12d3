"""The catalogue: plugins, releases, dependencies, maintainers, labels and advisories."""
