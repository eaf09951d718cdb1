"""Words: tokens, patterns and the wordings of each language; every sorry and what it does.

No word of any language is in the code.
"""
