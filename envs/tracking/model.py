"""What tracking adds to any MJCF with a free root: floor, sensors, cameras, contacts.

The package's own robots have these in their MJCF.
"""

from collections import Counter
from collections.abc import Sequence

import mujoco
import numpy as np

from sb3_mimic.envs.core.geometry import collision_spheres
from sb3_mimic.errors import InputError

_FLAG = mujoco.mjtDisableBit
_GEOM = mujoco.mjtGeom
_SENSOR = mujoco.mjtSensor
_SITE = mujoco.mjtObj.mjOBJ_SITE
_BODY = mujoco.mjtObj.mjOBJ_BODY


def add_tracking_parts(spec: mujoco.MjSpec, end_effectors: Sequence[str]) -> None:
    """Adds to a robot's model what a tracking task measures and shows.

    - Warm start and auto-reset are switched off: a state and an action give the next state.
    - A floor and the cameras ``track`` and ``front``, where they are missing; one light for all.
    - The robot touches the floor only: its links pass through each other.
    - Sensors of the end effectors, of the center of mass, and of the spheres that bodies touch the
      ground with (`sb3_mimic.envs.tracking.reference.ground_points`).

    Args:
        spec: The model, not compiled.
        end_effectors: Names of bodies.

    Raises:
        InputError: If the model's first body does not have a free joint, or there is no such body.
    """
    root = _root(spec)
    spec.option.disableflags |= (
        _FLAG.mjDSBL_WARMSTART | _FLAG.mjDSBL_AUTORESET | _FLAG.mjDSBL_ISLAND
    )
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    _add_floor(spec)
    _touch_floor_only(spec)
    for light in list(spec.lights):  # two suns would wash the picture out
        spec.delete(light)
    _add_cameras(root)
    _add_sensors(spec, root, end_effectors)


def _root(spec: mujoco.MjSpec) -> mujoco.MjsBody:
    """The body with the free joint, which must be the model's first joint."""
    joints = spec.joints
    if not joints or joints[0].type != mujoco.mjtJoint.mjJNT_FREE:
        raise InputError(
            f"model {spec.modelname!r}: a robot that imitates clips needs a root body with a "
            "<freejoint/>, before all other joints"
        )
    return joints[0].parent


def _add_floor(spec: mujoco.MjSpec) -> None:
    """A checkered plane and a sky, where the model has no plane."""
    world = spec.worldbody
    if any(geom.type == _GEOM.mjGEOM_PLANE for geom in world.geoms):
        return
    spec.add_texture(
        name="tracking_sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.93, 0.95, 0.98],
        rgb2=[0.62, 0.72, 0.84],
        width=256,
        height=1536,
    )
    spec.add_texture(
        name="tracking_floor",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=[0.78, 0.81, 0.84],
        rgb2=[0.70, 0.74, 0.78],
        width=512,
        height=512,
        mark=mujoco.mjtMark.mjMARK_EDGE,
        markrgb=[0.62, 0.66, 0.70],
    )
    textures = [""] * mujoco.mjtTextureRole.mjNTEXROLE
    textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "tracking_floor"
    spec.add_material(name="tracking_floor", textures=textures, texrepeat=[1, 1], texuniform=True)
    world.add_geom(
        name="floor", type=_GEOM.mjGEOM_PLANE, size=[0, 0, 0.25], material="tracking_floor"
    )
    spec.visual.headlight.ambient = [0.35, 0.35, 0.35]
    spec.visual.headlight.diffuse = [0.45, 0.45, 0.45]
    spec.visual.global_.offwidth, spec.visual.global_.offheight = 1280, 960


def _touch_floor_only(spec: mujoco.MjSpec) -> None:
    """Contacts between planes of the world and the robot, and no others."""
    for pair in list(spec.pairs):
        spec.delete(pair)
    for geom in spec.geoms:
        solid = bool(geom.contype or geom.conaffinity)
        is_floor = geom.type == _GEOM.mjGEOM_PLANE
        geom.contype, geom.conaffinity = int(is_floor), int(solid and not is_floor)


def _add_cameras(root: mujoco.MjsBody) -> None:
    """A light, and cameras from the side and from the front that follow the body."""
    present = {camera.name for camera in root.cameras}
    follow = mujoco.mjtCamLight.mjCAMLIGHT_TRACKCOM
    for name, position, axes in (
        ("track", (0.5, -2.9, 0.25), ((0.986, 0.168, 0.0), (-0.012, 0.07, 0.997))),
        ("front", (2.9, 0.0, 0.3), ((0.0, 1.0, 0.0), (-0.1, 0.0, 0.995))),
    ):
        if name in present:
            continue
        x, y = (np.array(axis) / np.linalg.norm(axis) for axis in axes)
        rotation, quaternion = np.stack((x, y, np.cross(x, y)), axis=1), np.empty(4)
        mujoco.mju_mat2Quat(quaternion, rotation.ravel())
        root.add_camera(name=name, mode=follow, pos=position, quat=quaternion, fovy=40)
    root.add_light(
        mode=follow,
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        pos=[0, -3, 6],
        dir=[0, 0.45, -1],
        diffuse=[0.55, 0.55, 0.52],
        specular=[0.2, 0.2, 0.2],
    )


def _add_sensors(spec: mujoco.MjSpec, root: mujoco.MjsBody, end_effectors: Sequence[str]) -> None:
    """Sensors of places that rewards and falls are made of."""
    bodies = [body.name for body in spec.bodies]
    for name in end_effectors:
        if name not in bodies:
            raise InputError(
                f"model {spec.modelname!r}: there is no body {name!r}; its bodies are "
                f"{', '.join(bodies[1:])}"
            )
        spec.add_sensor(
            name=name, type=_SENSOR.mjSENS_FRAMEPOS, objtype=mujoco.mjtObj.mjOBJ_XBODY, objname=name
        )
    for name, kind in (
        ("com", _SENSOR.mjSENS_SUBTREECOM),
        ("com_velocity", _SENSOR.mjSENS_SUBTREELINVEL),
    ):
        spec.add_sensor(name=name, type=kind, objtype=_BODY, objname=root.name)
    model = spec.compile()
    spheres = collision_spheres(model)
    count: Counter[str] = Counter()
    for index, center, radius in zip(spheres.bodies, spheres.centres, spheres.radii, strict=True):
        name = model.body(index).name
        site = f"{name}_{count[name]}"
        count[name] += 1
        spec.body(name).add_site(
            # A size of 0 is none.
            name=site,
            pos=center,
            size=[max(radius, 1e-6), 0, 0],
            rgba=[0, 0, 0, 0],
            group=4,
        )
        spec.add_sensor(
            name=f"point_{site}", type=_SENSOR.mjSENS_FRAMEPOS, objtype=_SITE, objname=site
        )
