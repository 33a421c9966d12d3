"""Files that commands write."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def new_file(file: Path) -> Iterator[BinaryIO]:
    """A file that was not there, `FileExistsError` else; it is gone again when what is written into it breaks off."""
    with file.open("xb") as sink:
        try:
            yield sink
        except BaseException:
            file.unlink()
            raise
