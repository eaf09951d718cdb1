"""One call examined: opened, its apologies cut, measured and compared with its baseline.

Never judges.
"""
