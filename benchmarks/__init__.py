"""Comparisons with the literal formulation and with peer libraries; see harness.py."""
