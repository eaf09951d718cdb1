"""Results: the rows that come out, and the files they are written to and read from.

Never measures.
"""
