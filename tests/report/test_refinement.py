"""A replay's picture has the same colors for any robot whose joints have sides."""

import pytest

from sb3_mimic.motion import CHARACTER
from sb3_mimic.report.labels import short_names
from sb3_mimic.report.refinement import _joint_styles

SCHEMES = {
    "prefix": [f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "toe")],
    "letter": [f"{part}_{side}" for part in ("hip", "knee", "toe") for side in ("l", "r")],
    "suffixed": [f"{side}_{axis}_joint" for axis in ("x", "y", "z") for side in ("left", "right")],
    "character": [joint.name for joint in CHARACTER.actuated],
}


@pytest.mark.parametrize("names", SCHEMES.values(), ids=SCHEMES)
def test_both_sides_of_a_joint_share_a_color_and_the_left_is_dashed(names: list[str]) -> None:
    styles = dict(zip(names, _joint_styles(tuple(names)), strict=True))
    lines: dict[str, list[str]] = {}
    for color, line in styles.values():
        lines.setdefault(color, []).append(line)
    assert all(sorted(pair) in (["-"], ["-", "--"]) for pair in lines.values())
    assert sum(line == "--" for _, line in styles.values()) == sum(
        "left" in name or name.endswith("_l") for name in names
    )


def test_more_joints_than_colors() -> None:
    names = tuple(f"hinge{number}" for number in range(40))
    assert len(_joint_styles(names)) == 40


def test_feet_are_told_apart() -> None:
    assert short_names(["right_ankle", "left_ankle"]) == ["right", "left"]
    assert short_names(["LF_shank", "RF_shank", "LH_shank", "RH_shank"]) == ["LF", "RF", "LH", "RH"]
    assert short_names(["foot_r", "foot_l"]) == ["foot r", "foot l"]
