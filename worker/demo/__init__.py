"""The demo: a week of a company's Segment traffic, sent to a running system, and what came of it."""
