"""Reads answered from kept bytes, never older than the moment they were asked for."""
