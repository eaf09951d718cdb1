"""Statistics: what varies by clip or rater, and ranges for rows that come in clusters."""
