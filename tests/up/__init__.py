"""Tests of `variance up`: real servers, real processes, real kills."""
