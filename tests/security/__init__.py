"""What keeps one customer's data from another, and everybody's secrets from everybody."""
