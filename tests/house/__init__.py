"""The house's rules, as far as a test can keep them."""
