"""Why a server or the system failed, in few words that hold nothing of a message."""

import os


def reason_of(failure: BaseException) -> str:
    """Give the reason of a server's or the system's failure as a short phrase."""
    # All of Redis' client comes with these, and every command loads this module.
    from redis.exceptions import RedisError  # noqa: PLC0415 (see above)

    from schemas.cluster_map import is_on_its_way, redirection_of  # noqa: PLC0415 (see above)

    if isinstance(failure, TimeoutError) and not str(failure):
        return "it does not answer in time"
    if isinstance(failure, RedisError) and isinstance(failure.__context__, OSError):
        return reason_of(failure.__context__)
    if isinstance(failure, RedisError) and (is_on_its_way(failure) or redirection_of(failure, "")):
        return "its keys are being moved to another server of the cluster: try again when they are there"
    if isinstance(failure, ConnectionError) and failure.errno:
        return os.strerror(failure.errno).lower()  # without the address that asyncio puts in its place
    if isinstance(failure, OSError) and failure.strerror:
        return first_line(failure.strerror)
    # redis-py repeats a pipeline's command, with its arguments, before the cause.
    return first_line(str(failure).rpartition("of pipeline caused error: ")[2]) or type(failure).__name__


def first_line(text: str) -> str:
    """Give a text's first line, without the full stop at its end."""
    lines = text.strip().splitlines()
    return lines[0].rstrip(". ") if lines else ""
