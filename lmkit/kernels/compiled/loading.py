"""Machine code made callable: llvmlite links it into the process, ctypes calls it."""

from __future__ import annotations

from ctypes import CFUNCTYPE, POINTER, addressof, c_double, c_int32, c_int64, c_void_p, cast
from functools import cache
from typing import Any, NamedTuple

from lmkit.kernels.compiled.arguments import is_float

_UNUSED = (c_int64 * 2)()  # where code may say that it returns None, and why it failed
_NONE, _ERROR = addressof(_UNUSED), addressof(_UNUSED) + 8


class Made(NamedTuple):
    """Machine code as it is kept.

    ``symbol`` names its function, ``leaves`` are the kinds of what is passed (see `arguments`), and
    ``returns`` has a letter for each number that it returns, in brackets where they are a tuple.
    """

    symbol: str
    leaves: list[str]
    returns: str
    code: bytes


class MachineCode:
    """A function of machine code: from the values passed to what it returns.

    It is called as numba calls its own: with places for the result and for an error, then the
    values; it returns 0 if all went well. Our entries write their result to a last address.
    """

    def __init__(self, address: int, leaves: list[str], returns: str):
        passed = [c_double if is_float(kind) else c_int64 for kind in leaves]
        self._call = CFUNCTYPE(c_int32, c_void_p, c_void_p, *passed, c_int64)(address)
        self._letters = returns.strip("()")
        self._several = returns.startswith("(")
        self._room = c_int64 * len(self._letters)

    def __call__(self, leaves: list[float]) -> Any:
        """Run the code."""
        out = self._room() if self._letters else _UNUSED
        if self._call(_NONE, _ERROR, *leaves, addressof(out)):
            raise RuntimeError("a compiled function failed, which it never should")
        if not self._letters:
            return None
        found = tuple(_number(out, place, kind) for place, kind in enumerate(self._letters))
        return found if self._several else found[0]


def _number(out: Any, place: int, letter: str) -> Any:
    if letter == "f":
        return cast(out, POINTER(c_double))[place]
    value = out[place]
    return bool(value) if letter == "b" else value % (1 << 64) if letter == "u" else value


@cache
def _llvm() -> Any:
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding


@cache
def host() -> tuple[str, str]:
    """Return the processor that code is made for: its name, and what it can do beyond others."""
    binding = _llvm()
    return binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()


def target_machine() -> Any:
    """Return LLVM's machine that makes code for this processor, to run in this process."""
    target = _llvm().Target.from_default_triple()
    cpu, features = host()
    reloc = "static" if target.name.startswith("x86") else "default"
    return target.create_target_machine(
        cpu=cpu, features=features, opt=3, reloc=reloc, codemodel="jitdefault", jit=True
    )


@cache
def _engine() -> Any:
    """Return what owns all code of this process."""
    binding = _llvm()
    return binding.create_mcjit_compiler(binding.parse_assembly(""), target_machine())


def load(made: Made) -> MachineCode:
    """Return machine code as a function."""
    engine = _engine()
    address = engine.get_function_address(made.symbol)
    if not address:
        engine.add_object_file(_llvm().ObjectFileRef.from_data(made.code))
        engine.finalize_object()
        address = engine.get_function_address(made.symbol)
    return MachineCode(address, made.leaves, made.returns)
