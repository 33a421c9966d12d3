"""The registry service: one package per domain, each with the same rooms."""
