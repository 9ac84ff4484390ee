"""The file that is written: for its owner's eyes only, and there under its name only once it is whole."""

import gzip
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    is_packed = named.suffix == ".gz"
    if named.exists() and not named.is_file():
        with named.open("wb") as plain, _packing(plain, is_packed=is_packed) as target:
            yield target
        return
    path = named.resolve()  # so that a link goes on leading there
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as plain:
            with _packing(plain, is_packed=is_packed) as target:
                yield target
            plain.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(path.parent)


@contextmanager
def _packing(plain: BinaryIO, *, is_packed: bool) -> Iterator[BinaryIO]:
    """Give what compresses into a file, or the file itself."""
    if not is_packed:
        yield plain
        return
    with gzip.GzipFile(fileobj=plain, filename="", mode="wb", compresslevel=_COMPRESSION_LEVEL) as packed:
        yield cast("BinaryIO", packed)
