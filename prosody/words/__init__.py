"""Texts that people read, one table per language."""
