"""The console: pages on which people add connections and see what arrives. A process of its own, apart from `web`."""
