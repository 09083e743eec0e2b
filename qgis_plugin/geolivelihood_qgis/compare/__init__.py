"""Indicators and runs side by side, and the difference of two runs."""
