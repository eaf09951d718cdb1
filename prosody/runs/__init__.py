"""Runs: many calls, what is done stays done; merged, masked and cleared afterwards.

Knows nothing of sound.
"""
