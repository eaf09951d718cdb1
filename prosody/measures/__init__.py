"""Measures: pure functions on arrays, from frames to one number with a unit per stretch.

Never touches a file.
"""
