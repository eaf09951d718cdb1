"""Words: tokens, patterns and the wordings of each language; every sorry and what it does."""
