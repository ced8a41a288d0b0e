"""Registers the environments with Gymnasium."""

from gymnasium.envs.registration import register, registry

# Id -> class. The classes are named, not imported, so that registering imports no simulator.
ENVIRONMENTS = {
    "sb3_mimic/HumanoidMimic-v0": "sb3_mimic.envs:HumanoidMimicEnv",
    "sb3_mimic/G1Mimic-v0": "sb3_mimic.envs:G1MimicEnv",
    "sb3_mimic/Tracking-v0": "sb3_mimic.envs:TrackingEnv",
    "sb3_mimic/PiDog-v0": "sb3_mimic.envs:PiDogEnv",
    "sb3_mimic/PiDogHardware-v0": "sb3_mimic.envs:PiDogHardwareEnv",
}


def register_environments() -> None:
    """Registers every environment that is not registered yet."""
    for env_id, entry_point in ENVIRONMENTS.items():
        if env_id not in registry:
            register(id=env_id, entry_point=entry_point)
