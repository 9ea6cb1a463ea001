"""What training computes with: the device, its precision, its generator and its memory."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from lmkit.errors import ParameterError
from lmkit.models.rnn.network import size_of_network
from lmkit.models.rnn.options import Settings

LARGE = 500_000
"""Parameters from which half precision is worth its conversions (`benchmarks.rnn_speed`)."""


def find_device(name: str) -> torch.device:
    """Return the device of a name; ``auto`` is ``cuda`` where available, else ``cpu``.

    Raises ParameterError for a device that is not available.
    """
    if not available(name):
        raise ParameterError(f"device={name!r} is not there; device='auto' finds one")
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def available(name: str) -> bool:
    """Return whether this machine has a device of that name."""
    if name == "cuda":
        return torch.cuda.is_available()
    return name != "mps" or torch.backends.mps.is_available()


def precision_of(settings: Settings, outcomes: int, device: torch.device) -> str:
    """Return the precision of the matrix products in training; scores are always float32."""
    if settings.precision != "auto":
        return settings.precision
    if size_of_network(settings, outcomes) < LARGE:
        return "float32"
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    if device.type == "cpu" and _cpu_has_bfloat16():
        return "bfloat16"
    return "float32"


def _cpu_has_bfloat16() -> bool:
    """Return whether the processor has bfloat16 products; emulated ones are slower than float32."""
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in names)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's generators inside the block; after it their state is what it was before."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


# The parameters of mallopt(3), and glibc's defaults for them.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_USUAL = {_TRIM_THRESHOLD: 128 * 1024, _TOP_PAD: 128 * 1024, _MMAP_MAX: 65536}
_KEPT = {_TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 64 * 2**20, _MMAP_MAX: 0}


@contextmanager
def kept_memory() -> Iterator[None]:
    """Keep freed memory in the process inside the block, and return it to the system afterwards.

    glibc maps each array of some megabytes anew and unmaps it when it is freed, and the kernel
    clears every page at its first use. A training step allocates the same arrays again and again
    and would spend a third of its time on that. After the block glibc's default limits are set; it
    no longer adjusts them by itself, as it does in a process that never set them. Without glibc
    nothing is done.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is None or not (hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim")):
        yield
        return
    for parameter, value in _KEPT.items():
        libc.mallopt(parameter, value)
    try:
        yield
    finally:
        for parameter, value in _USUAL.items():
            libc.mallopt(parameter, value)
        libc.malloc_trim(ctypes.c_size_t(0))
