"""Tests of the demo: the traffic that it makes up, how it is sent, and what it shows."""
