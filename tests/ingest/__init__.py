"""The `web` process over real HTTP, against a real Valkey."""
