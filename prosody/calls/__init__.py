"""Calls: which files belong together, what a team knows of them, and the windows it marked.

Never opens a sound.
"""
