"""From where on something is a finding: beyond what DeepMimic's public clips do.

All of those are known to be reproducible: none of them is an error. Where a constant has several
values they are the bounds of info, warning and error.
"""

from typing import Final

GRAVITY: Final = 9.81

#: Depth under the ground below which contact itself gives way [m]; deeper is worth repairing; and
#: deeper than that no contact can push the body out again without throwing it. DeepMimic's sideflip
#: is 0.13 m deep and reproducible.
PENETRATION: Final = (0.01, 0.03, 0.25)

#: Height of the whole clip's lowest point above the ground [m]: a sole's thickness, a step, a drop.
FLOATING: Final = (0.02, 0.05, 0.30)

#: Share of the frames that may be lower than what counts as the clip's ground: of real clips a
#: foot is down most of the time.
GROUND_QUANTILE: Final = 0.25

#: Height above the clip's ground from which nothing can bear weight [m]; captured soles hover
#: by some centimetres.
AIRBORNE: Final = 0.04

#: Shortest flight that tells its acceleration [s]: noise of a millimetre is 1 m/s² over 0.1 s.
SHORTEST_FLIGHT: Final = 0.1

#: By how much a body may be higher than free fall, or the ground, would have it [m]: in DeepMimic's
#: clips up to 0.14 m (spin); beyond a knee's height it is no flight but flying.
HOVERING: Final = (0.10, 0.40)

#: Total flight from which the rate of a clip can be judged [s], and the factor on it that is not
#: noise any more. The 24 Hz spin falls at 0.61 g, which is a factor of 0.78.
RATE_FLIGHT: Final = 0.2
RATE_FACTOR: Final = 1.4

#: Points that bear the weight are within this of the lowest one, and of the ground [m].
SUPPORT_BAND: Final = 0.005
SUPPORT_HEIGHT: Final = 0.015

#: Mean speed of a foot over the ground while it bears weight [m/s]: jump 0.05, run 0.4, spin 0.6.
SKATE: Final = (0.10, 0.30)

#: Beyond a joint's limit [rad]: rounding; what the limited reference visibly changes.
LIMIT: Final = (0.01, 0.10)

#: Fastest a joint turns [rad/s]: kicks and throws reach 30 (DeepMimic's backflip 30.5).
JOINT_SPEED: Final = 40.0

#: Fastest the root turns [rad/s]: skaters reach 35.
ROOT_TURN: Final = 35.0

#: A root that jumps: faster than any sprinter [m/s], by more than noise at 120 Hz explains [m].
TELEPORT_SPEED: Final = 12.0
TELEPORT_DISTANCE: Final = 0.1

#: A root that jumps round [rad/s, rad]. At a low rate a step cannot be that fast: there, steps
#: above this share of half a turn are jumps.
TELEPORT_TURN: Final = 60.0
TELEPORT_ANGLE: Final = 0.5
TELEPORT_HALF_TURN: Final = 0.8

#: Acceleration of a joint [rad/s²] and of the root [m/s²] up to which a sudden change between two
#: frames may be a movement: kicks and landings reach 300 and 100. At 16 Hz that is a radian.
SUDDEN_TURN: Final = 300.0
SUDDEN_STEP: Final = 100.0

#: Least excess of a step over its neighbors that counts as a jump [rad, m], and how many times
#: the excess that is usual around it. DeepMimic's walk, glued in its middle, jumps by 0.50 rad.
JUMP_ANGLE: Final = 0.25
JUMP_DISTANCE: Final = 0.08
JUMP_RATIO: Final = 5.0

#: Least distance of a frame from the curve through its neighbors that counts as a spike [rad, m],
#: and how many times the distance that is usual around it.
SPIKE_ANGLE: Final = 0.10
SPIKE_DISTANCE: Final = 0.03
SPIKE_RATIO: Final = 6.0

#: Two poses that are the same but for the digits of a file [rad, m].
SAME_POSE: Final = 1e-6

#: Mean step around a repeated pose from which it is a stall and not a rest [rad, m].
MOVING: Final = 5e-3

#: Turn between two frames from which it is a guess what happened between [rad].
COARSE: Final = 1.0

#: What does not meet at the seam of a loop: angle [rad] and height [m]. Closing moves a joint by
#: half of it.
SEAM_ANGLE: Final = (0.02, 0.20)
SEAM_HEIGHT: Final = (0.005, 0.05)
