"""What `variance up` does: the embedded servers, the Procfile's processes, and a clean end of all of them."""
