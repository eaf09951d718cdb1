"""Transcript readers: one small module per family, found by content."""
