"""Recordings: what a file is, its samples in blocks, where somebody speaks."""
