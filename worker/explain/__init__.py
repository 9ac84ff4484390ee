"""Why a contact is what it is: pure functions from what is stored of it to an explanation. Nothing here does I/O."""
