"""The explanation of a contact, from what is stored of it."""
