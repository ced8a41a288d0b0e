"""Files that are either whole or not there."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sb3_mimic.errors import InputError


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


def check_new(path: Path, *suffixes: str) -> None:
    """Refuses a file or folder that could not be written in the end, before the work is done.

    Args:
        path: What is to be made.
        *suffixes: What the name of a file may end in, in lower case; none for a folder.

    Raises:
        InputError: If it is there already, its name ends otherwise, or nothing can be written
            there.
    """
    if suffixes and path.suffix.lower() not in suffixes:
        raise InputError(f"{path}: must end in {' or '.join(suffixes)}")
    if os.path.lexists(path):
        raise InputError(
            f"{path}: exists already; choose another {'file' if suffixes else 'folder'}"
        )
    check_writable(path)


def check_writable(path: Path) -> None:
    """Refuses a place where no file or folder can be made.

    Args:
        path: What is to be made.

    Raises:
        InputError: If what it would lie in is no folder, or one that may not be written to.
    """
    parent = next(folder for folder in path.absolute().parents if folder.exists())
    if not parent.is_dir():
        raise InputError(f"{path}: cannot be written: {parent} is no folder")
    try:
        with tempfile.TemporaryFile(dir=parent):
            pass
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written: no file can be made in {parent} ({error.strerror})"
        ) from error
