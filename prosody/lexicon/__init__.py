"""Wordings per language: nl.toml, en.toml."""
