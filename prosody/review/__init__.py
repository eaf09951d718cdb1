"""People decide: what reviewers say of the rules and finds of a run, kept beside its results.

`answers` is the table and its form, `page` the local page, `agreement` how well the rules do by
what people say, `calibration` the same calls for several reviewers.
"""
