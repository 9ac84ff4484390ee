"""The version, which is known where the code runs without being installed, too, as platforms for Procfiles do."""

VERSION = "0.1.0"
