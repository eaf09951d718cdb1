"""The judge: how listeners would probably hear an apology, and why.

Never reads sound.
"""
