"""Public names of the packages around SB3: all there, and imported only when they are asked for."""

import subprocess
import sys
from importlib import import_module

import pytest

PACKAGES = ["cloning", "evaluation", "policies", "rl"]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_what_its_module_defines(package: str) -> None:
    module = import_module(f"sb3_mimic.{package}")
    names = module.__all__
    assert names
    for name in names:
        value = getattr(module, name)
        defined = getattr(value, "__module__", None)
        if defined is not None and not isinstance(value, (dict, tuple)):
            assert defined.startswith(f"sb3_mimic.{package}."), name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        module.nothing  # noqa: B018


def test_importing_the_packages_is_light() -> None:
    code = "import sys; import " + ", ".join(f"sb3_mimic.{name}" for name in PACKAGES)
    heavy = 'print([n for n in ("torch", "stable_baselines3", "mujoco") if n in sys.modules])'
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; {heavy}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_functions_are_not_hidden_by_modules_of_their_name() -> None:
    for package, name in (("cloning", "pretrain"), ("evaluation", "evaluate"), ("rl", "fine_tune")):
        import_module("sb3_mimic.rl.warm_start")
        assert callable(getattr(import_module(f"sb3_mimic.{package}"), name))
