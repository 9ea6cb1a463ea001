"""Loading machine code: llvmlite links it into the process, ctypes calls it."""

from __future__ import annotations

from ctypes import CFUNCTYPE, POINTER, addressof, c_double, c_int32, c_int64, c_void_p, cast
from functools import cache
from typing import Any, NamedTuple

from lmkit.kernels.compiled.arguments import is_float

_UNUSED = (c_int64 * 2)()  # for numba's own result and error, which entries do not use
_RESULT, _ERROR = addressof(_UNUSED), addressof(_UNUSED) + 8


class ObjectCode(NamedTuple):
    """Machine code as it is cached.

    ``symbol`` is the name of the entry, ``leaves`` the kinds of its arguments (see `arguments`),
    and ``returns`` has a letter for each number that it returns, in brackets for a tuple.
    """

    symbol: str
    leaves: list[str]
    returns: str
    code: bytes


class MachineCode:
    """A callable function of machine code.

    It has numba's calling convention: the addresses of a result and of an error, then the
    arguments; it returns 0 on success. Entries (see `building`) write their result to the address
    in a last argument instead.
    """

    def __init__(self, address: int, leaves: list[str], returns: str):
        passed = [c_double if is_float(kind) else c_int64 for kind in leaves]
        self._call = CFUNCTYPE(c_int32, c_void_p, c_void_p, *passed, c_int64)(address)
        self._letters = returns.strip("()")
        self._several = returns.startswith("(")
        self._buffer = c_int64 * len(self._letters)

    def __call__(self, leaves: list[float]) -> Any:
        """Run the code."""
        out = self._buffer() if self._letters else _UNUSED
        if self._call(_RESULT, _ERROR, *leaves, addressof(out)):
            raise RuntimeError("a compiled function failed, which it never should")
        if not self._letters:
            return None
        numbers = tuple(_number(out, index, kind) for index, kind in enumerate(self._letters))
        return numbers if self._several else numbers[0]


def _number(out: Any, index: int, letter: str) -> Any:
    if letter == "f":
        return cast(out, POINTER(c_double))[index]
    value = out[index]
    return bool(value) if letter == "b" else value % (1 << 64) if letter == "u" else value


@cache
def _llvm() -> Any:
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding


@cache
def host() -> tuple[str, str]:
    """Return the name and the features of the processor that code is compiled for."""
    binding = _llvm()
    return binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()


def target_machine() -> Any:
    """Return LLVM's target machine for code that runs on this processor and in this process."""
    target = _llvm().Target.from_default_triple()
    cpu, features = host()
    reloc = "static" if target.name.startswith("x86") else "default"
    return target.create_target_machine(
        cpu=cpu, features=features, opt=3, reloc=reloc, codemodel="jitdefault", jit=True
    )


@cache
def _engine() -> Any:
    """Return LLVM's execution engine, which owns all loaded code."""
    binding = _llvm()
    return binding.create_mcjit_compiler(binding.parse_assembly(""), target_machine())


def load(made: ObjectCode) -> MachineCode:
    """Return machine code as a callable function."""
    engine = _engine()
    address = engine.get_function_address(made.symbol)
    if not address:
        engine.add_object_file(_llvm().ObjectFileRef.from_data(made.code))
        engine.finalize_object()
        address = engine.get_function_address(made.symbol)
    return MachineCode(address, made.leaves, made.returns)
