"""Files appear whole or not at all."""

import os
from pathlib import Path

import pytest

from sb3_mimic.errors import InputError
from sb3_mimic.io import atomic_path, check_new, check_writable


def test_file_appears_with_its_folder(tmp_path: Path) -> None:
    target = tmp_path / "new" / "model.zip"
    with atomic_path(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == ".zip"
        temporary.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    target = tmp_path / "data.npz"
    target.write_text("old")

    def fail_halfway() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("ha")
            raise error

    with pytest.raises(error):
        fail_halfway()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_folders_are_moved_whole_and_cleaned_up(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "dataset") as temporary:
        temporary.mkdir()
        (temporary / "part").write_text("1")
    assert (tmp_path / "dataset" / "part").read_text() == "1"

    with pytest.raises(OSError, match="not empty"), atomic_path(tmp_path / "dataset") as temporary:
        temporary.mkdir()
    assert [path.name for path in tmp_path.iterdir()] == ["dataset"]


def test_writing_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "file"):
        pass


def test_what_could_not_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "there.npz").write_text("mine")
    (tmp_path / "gone.npz").symlink_to(tmp_path / "nowhere")
    check_new(tmp_path / "new" / "er" / "actions.NPZ", ".npz", ".json")
    for path, message in (
        (tmp_path / "actions.txt", "must end in .npz"),
        (tmp_path / "there.npz", "exists already; choose another file"),
        (tmp_path / "gone.npz", "exists already"),
        (tmp_path / "there.npz" / "in" / "it.npz", "there.npz is no folder"),
    ):
        with pytest.raises(InputError, match=message):
            check_new(path, ".npz")
    with pytest.raises(InputError, match="exists already; choose another folder"):
        check_new(tmp_path)
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_may_not_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o555)
    with pytest.raises(InputError, match="no file can be made in"):
        check_writable(tmp_path / "locked" / "run")
