"""Videos: as many pictures as were given, whole or not there."""

from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium as gym
import imageio.v2 as imageio
import numpy as np
import pytest

from sb3_mimic.errors import InputError
from sb3_mimic.report.video import (
    frames_per_second,
    record_rollout,
    rollout_frames,
    write_video,
)

SIZE = {"width": 64, "height": 48}


class Stand:
    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: Any = 0
    ) -> tuple[np.ndarray, None]:
        return np.zeros(8, np.float32), None


def pictures(n: int) -> list[np.ndarray]:
    return [np.full((48, 64, 3), 20 * i, np.uint8) for i in range(n)]


def read(path: Path) -> tuple[list[np.ndarray], float]:
    reader: Any = imageio.get_reader(path)
    with closing(reader):
        frames = [frame for frame in reader]  # noqa: C416 - list() asks for a length
        return frames, reader.get_meta_data()["fps"]


def test_a_video_has_the_pictures_the_rate_and_the_size(tmp_path: Path) -> None:
    write_video(tmp_path / "a" / "video.mp4", pictures(7), 25)
    frames, rate = read(tmp_path / "a" / "video.mp4")
    assert rate == 25
    assert [f.shape for f in frames] == [(48, 64, 3)] * 7
    np.testing.assert_allclose([f.mean() for f in frames], np.arange(7) * 20, atol=4)


def test_a_video_that_fails_is_not_there(tmp_path: Path) -> None:
    def failing() -> Any:
        yield from pictures(3)
        raise InputError("no more pictures")

    with pytest.raises(InputError, match="no more pictures"):
        write_video(tmp_path / "video.mp4", failing(), 25)
    assert list(tmp_path.iterdir()) == []


def test_a_rollout_gives_a_picture_every_so_many_steps() -> None:
    env = gym.make("sb3_mimic:sb3_mimic/PiDog-v0", render_mode="rgb_array", **SIZE)  # type: ignore[arg-type]
    assert frames_per_second(env) == 50
    frames = list(rollout_frames(Stand(), env, 7, every=3, seed=0))
    assert [f.shape for f in frames] == [(48, 64, 3)] * 3
    again = list(rollout_frames(Stand(), env, 7, every=3, seed=0))
    # The first picture of a new OpenGL context can be off by one in its rounding.
    np.testing.assert_allclose(np.array(frames, float), np.array(again, float), atol=1)
    env.unwrapped.close()  # type: ignore[no-untyped-call]


def test_a_draft_shows_the_same_scene_without_shadows(tmp_path: Path) -> None:
    made = []
    for draft in (False, True):
        path = record_rollout(
            Stand(),
            "sb3_mimic/PiDog-v0",
            SIZE,
            tmp_path / f"{draft}.mp4",
            seconds=0.1,
            draft=draft,
            seed=0,
        )
        made.append(np.array(read(path)[0], float))
    full, simple = made
    assert full.shape == simple.shape == (3, 48, 64, 3)
    assert 0.5 < np.abs(full - simple).mean() < 30


@pytest.mark.parametrize("env_id", ["sb3_mimic/HumanoidMimic-v0", "sb3_mimic/PiDog-v0"])
def test_pictures_may_be_larger_than_the_robots_file_says(env_id: str) -> None:
    env: Any = gym.make(env_id, render_mode="rgb_array", width=2000, height=1500)
    env.reset(seed=0)
    assert env.render().shape == (1500, 2000, 3)
    env.close()


def test_a_camera_that_there_is_not_is_named() -> None:
    env: Any = gym.make("sb3_mimic/PiDog-v0", render_mode="rgb_array", camera="head")
    env.reset(seed=0)
    with pytest.raises(InputError, match="unknown camera 'head'; did you mean head_camera"):
        env.render()
    env.close()


def test_a_video_that_ffmpeg_does_not_end_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        """A writer to a full disk: what is there is not the whole."""

        def __init__(self, path: Path, **_: Any) -> None:
            path.write_bytes(b"ftypisom mdat")

        def append_data(self, frame: Any) -> None:
            pass

        def close(self) -> None:
            pass

    monkeypatch.setattr("sb3_mimic.report.video.imageio.get_writer", Full)
    with pytest.raises(InputError, match="ffmpeg cannot write it whole"):
        write_video(tmp_path / "a.mp4", [np.zeros((4, 4, 3), np.uint8)], 10.0)
    assert list(tmp_path.iterdir()) == []
