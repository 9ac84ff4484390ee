"""Segment's own SDKs, unmodified, with only host and key changed."""
