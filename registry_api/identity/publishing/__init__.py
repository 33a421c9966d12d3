"""Trusted publishing: a CI job proves which workflow it is, and gets a short token to publish with."""
