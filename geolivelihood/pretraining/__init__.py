"""Encoders that learn from places without labels, or with few: MoCo-v2, Rank-N-Contrast, probes, transfer."""
