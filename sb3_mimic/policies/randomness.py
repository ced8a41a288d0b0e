"""PyTorch's random generators, forked for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch as th


@contextmanager
def fork_randomness(seed: int | None = None) -> Iterator[None]:
    """Restores PyTorch's generators, those of GPUs among them, after the draws inside.

    ``torch.manual_seed`` seeds every generator, so forking the processor's alone would begin the
    noise of a training on a GPU anew with each evaluation.

    Args:
        seed: Seeds the generators inside; None goes on from where they are.
    """
    # GPUs that nothing runs on are left alone: asking for their state would start CUDA on them.
    in_use = th.cuda.is_initialized()  # type: ignore[no-untyped-call]
    gpus = range(th.cuda.device_count()) if in_use else ()
    with th.random.fork_rng(devices=gpus):
        if seed is not None:
            th.manual_seed(seed)
        yield
