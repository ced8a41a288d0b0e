"""``sb3-mimic export``: a policy as a file that runs without Stable-Baselines3."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from sb3_mimic.errors import InputError
from sb3_mimic.training.options import ZipUseCameraOption, optional, policy_path
from sb3_mimic.training.shipped import resolve_run_path


@dataclass(frozen=True)
class Export:
    """Write a policy, its normalizer with it, as ONNX or TorchScript that acts as SB3 does."""

    path: Annotated[
        tyro.conf.Positional[Path],
        policy_path("Folder of a run, an SB3 .zip, or a bundled policy ({shipped})."),
    ]
    format: Literal["onnx", "torchscript"] = "onnx"
    """Kind of file: .onnx or .pt."""
    output: Annotated[Path | None, optional("PATH")] = None
    """File to write; by default policy.onnx or policy.pt in the run's folder, or <name>.onnx beside
    the .zip."""
    servo: bool = False
    """Also write the program that runs the policy on the robot: one file .pyz with the policy in
    it. The policy must observe only what the robot's own computer knows."""
    force: bool = False
    """Replace files that exist."""
    env: Annotated[str | None, optional("NAME")] = None
    """Task or environment id of a bare .zip, to describe it in the file; a run knows its own."""
    motion: Annotated[str | None, optional("NAME|PATH")] = None
    """Motion of a bare .zip, to describe it in the file."""
    use_camera: ZipUseCameraOption = False
    json: bool = False
    """Print what is written in the file as JSON."""

    def run(self) -> int:
        """Exports and prints where to."""
        from sb3_mimic.export.policy import export_policy
        from sb3_mimic.policies.saved import load_policy
        from sb3_mimic.tasks import get_task
        from sb3_mimic.training.trained import Trained, find_run, open_trained

        if self.servo and self.format != "onnx":
            raise InputError("--servo needs --format onnx: there is no PyTorch on the robot")
        suffix = ".onnx" if self.format == "onnx" else ".pt"
        stem = self.path / "policy" if self.path.is_dir() else self.path
        output = self.output or stem.with_suffix(suffix)
        program = output.with_suffix(".pyz")
        for file in (output, program) if self.servo else (output,):
            if file.exists() and not self.force:
                raise InputError(f"{file}: exists already; --force replaces it")
        if find_run(resolve_run_path(self.path)) is None and self.env is None:
            trained = Trained(self.path, load_policy(self.path), "", {})
        else:
            trained = open_trained(
                self.path, env=self.env, motion=self.motion, use_camera=self.use_camera
            )
        exported = export_policy(
            trained.policy,
            trained.path,
            output,
            file_format=self.format,
            env_id=trained.env_id or None,
            env_kwargs=trained.env_kwargs,
            for_robot=self.servo,
        )
        written = [exported.path]
        if self.servo:
            write_program = get_task(trained.env_id).load_program_writer()
            written.append(write_program(exported.path, program))
        if self.json:
            print(json.dumps(asdict(exported.description), indent=2, default=str))
        else:
            print(f"largest difference from SB3's actions: {exported.difference:.1e}")
            print(*written, sep="\n")
        return 0
