"""The fold: pure functions from messages to identities, contacts and accounts. Nothing here does I/O.

Whatever is combined here is combined by minimum, maximum or union over stamps, so that the result is a function
of the set of messages and not of the order in which they arrive.
"""
