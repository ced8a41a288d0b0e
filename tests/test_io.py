"""Files appear whole or not at all."""

from pathlib import Path

import pytest

from sb3_mimic.io import atomic_path


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
