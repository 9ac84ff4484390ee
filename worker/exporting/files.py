"""The file that is written: for its owner's eyes only, and there under its name only once it is whole."""

import gzip
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from worker.embedded.private_file import sync_directory

STANDARD_OUTPUT = "-"
_COMPRESSION_LEVEL = 5  # a third of the time of the highest one, for files that are hardly larger


@contextmanager
def open_export(file: str) -> Iterator[BinaryIO]:
    """Open standard output for `-`, else a file, compressed where its name ends in `.gz`. Raises OSError.

    A file that was there is replaced when the block ends well, and left as it was otherwise; what is no file, such as a
    pipe or a device, is written to.
    """
    if file == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    named = Path(file)
    if named.exists() and not named.is_file():
        with named.open("wb") as target:
            yield target
        return
    path = named.resolve()  # so that a link goes on leading there
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with ExitStack() as stack:
            plain = stack.enter_context(os.fdopen(descriptor, "wb"))
            stack.callback(os.fsync, descriptor)
            stack.callback(plain.flush)
            if named.suffix == ".gz":
                packed = gzip.GzipFile(fileobj=plain, filename="", mode="wb", compresslevel=_COMPRESSION_LEVEL)
                yield cast("BinaryIO", stack.enter_context(packed))
            else:
                yield plain
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(path.parent)
