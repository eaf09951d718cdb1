"""Rules over words and timing of a whole call."""
