"""Practising an apology in the browser: take, feedback, comparison, nothing kept unasked."""
