"""Ratings by people: collected on a page, kept, checked for agreement, sampled for."""
