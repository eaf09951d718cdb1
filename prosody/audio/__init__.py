"""Recordings: what a file is, its samples in blocks, where somebody speaks.

Never loads a whole file or mixes channels.
"""
