"""Files that are either whole or not there."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Gives a temporary path to write to; it becomes ``path`` when the block ends without error.

    The temporary path is a hidden sibling with the same suffix: on the same file system, so that
    the rename is atomic, and recognized by writers that go by the suffix (SB3's ``save``,
    ``numpy.savez``, imageio). After an error or an interrupt nothing is left behind and ``path``
    is as it was. The parent folder is made if need be.

    Args:
        path: The file to write, which is replaced if it exists; or a folder that does not exist.

    Yields:
        The temporary path, where nothing exists yet.

    Raises:
        FileNotFoundError: If the block wrote nothing to the path it was given.
        OSError: If the rename fails, as onto a folder that is not empty.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(4)}{target.suffix}")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)
