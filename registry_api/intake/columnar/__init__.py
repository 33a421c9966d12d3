"""Columnar intake: whole batches as frames, checked by expressions.

Only rows already known to be odd are looked at one by one.
"""
