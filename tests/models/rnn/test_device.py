"""Devices, precision, torch's generator and the memory of training."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
import torch

from lmkit.errors import ParameterError
from lmkit.models.rnn.device import LARGE, find_device, kept_memory, precision_of, seeded
from lmkit.models.rnn.network import size_of_network
from lmkit.models.rnn.options import Settings


def test_memory_goes_back_to_normal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every limit that is set is set back, and what was kept is given back."""
    libc = Mock()
    monkeypatch.setattr("lmkit.models.rnn.device.sys.platform", "linux")
    monkeypatch.setattr("lmkit.models.rnn.device.ctypes.CDLL", lambda name: libc)
    with kept_memory():
        kept = dict(call.args for call in libc.mallopt.call_args_list)
        libc.malloc_trim.assert_not_called()
    after = dict(call.args for call in libc.mallopt.call_args_list)
    assert after.keys() == kept.keys()
    assert all(after[limit] != kept[limit] for limit in kept)
    libc.malloc_trim.assert_called_once()


def test_small_networks_are_trained_in_float32() -> None:
    small, cpu = Settings(hidden=8, embedding=4), torch.device("cpu")
    assert size_of_network(small, 20) < LARGE
    assert precision_of(small, 20, cpu) == "float32"
    assert precision_of(small.changed(precision="bfloat16"), 20, cpu) == "bfloat16"


def test_a_large_network_takes_the_precision_of_the_processor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large = Settings(hidden=512, embedding=128)
    assert size_of_network(large, 1000) > LARGE
    for has, precision in ((True, "bfloat16"), (False, "float32")):
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
            monkeypatch.setattr(torch.cpu, name, lambda has=has: has, raising=False)
        assert precision_of(large, 1000, torch.device("cpu")) == precision
    assert precision_of(large, 1000, torch.device("meta")) == "float32"


def test_a_seed_holds_inside_its_block_alone() -> None:
    before, drawn = torch.random.get_rng_state(), []
    for _ in range(2):
        with seeded(7, torch.device("cpu")):
            drawn.append(torch.rand(3))
    assert torch.equal(*drawn)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_devices() -> None:
    assert find_device("cpu").type == "cpu"
    assert find_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    for name in ("cuda", "mps"):
        if not getattr(torch, name).is_available():
            with pytest.raises(ParameterError, match=f"device='{name}' is not there"):
                find_device(name)
