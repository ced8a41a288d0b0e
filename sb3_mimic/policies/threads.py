"""PyTorch's threads for training a network: as many as it can use."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch as th
from torch import nn

# Parameters below which a network's batches are too small to share out. On two quiet cores a second
# thread makes updates of a network of 128-128 1.2 times as fast and cloning no faster, those of one
# of 512-256 1.4 and 1.8 times as fast. Where a core has other work, the threads wait for each
# other, and updates of the smaller network become five times as slow.
_SMALL = 200_000


def count_useful_threads(network: nn.Module, most: int) -> int:
    """Number of threads that speed up the training of a network: ``most``, or one if it is small.

    Args:
        network: The network that is trained.
        most: Number of threads available.
    """
    size = sum(parameter.numel() for parameter in network.parameters())
    return most if size >= _SMALL else 1


@contextmanager
def training_threads(network: nn.Module) -> Iterator[None]:
    """Gives PyTorch the threads that a network can use, and afterwards those it had.

    Args:
        network: The network that is trained.
    """
    most = th.get_num_threads()
    th.set_num_threads(count_useful_threads(network, most))
    try:
        yield
    finally:
        th.set_num_threads(most)
