"""Functions compiled by numba whose machine code is cached, and run without importing numba.

Importing numba takes a fifth of a second, longer than most commands of lmkit, and is needed only to
compile. So numba compiles a function when it is first called with arguments of some types, and the
machine code is saved in a file; later processes load that file with llvmlite alone and call the
code by its address.

This is possible because compiled functions only work on the arrays and numbers passed to them: they
allocate nothing, raise nothing, and return numbers, a tuple of them, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, update_wrapper
from threading import RLock
from types import FunctionType
from typing import Any

from lmkit.kernels.compiled.arguments import Packed, flatten
from lmkit.kernels.compiled.cache import load_code, save_code
from lmkit.kernels.compiled.identity import globals_of, identity
from lmkit.kernels.compiled.loading import MachineCode, load

__all__ = ["Kernel", "Packed", "Primitive", "compiled", "primitive"]
_LOCK = RLock()  # held while a function is compiled or loaded


class Primitive:
    """A function that generates LLVM instructions, for compiled functions to call."""

    def __init__(self, function: FunctionType):
        self.__doc__ = function.__doc__
        self.function = function

    @cached_property
    def identity(self) -> str | None:
        """A hash of everything its machine code depends on; None where that is not known."""
        return identity(self.function)

    @cached_property
    def dispatcher(self) -> Any:
        """The function as numba's ``intrinsic``."""
        from numba.extending import intrinsic

        return intrinsic(self.function)


class Kernel:
    """A function that is compiled for the types of its arguments, and runs without the GIL.

    Arguments are arrays, numbers, and tuples of them. The type of an array is its dtype, its number
    of axes, and whether it is contiguous and writeable.
    """

    def __init__(self, function: FunctionType, options: dict[str, Any]):
        update_wrapper(self, function)
        self.function = function
        self.options = options
        self._codes: dict[str, MachineCode] = {}

    def __call__(self, *arguments: Any) -> Any:
        """Run the function, compiling or loading it first for new types of arguments."""
        kinds: list[str] = []
        leaves: list[float] = []
        flatten(arguments, kinds, leaves)
        signature = ",".join(kinds)
        code = self._codes.get(signature)
        return (code or self._code_for(signature))(leaves)

    def _code_for(self, signature: str) -> MachineCode:
        """Return the machine code for arguments of some types, from the cache or compiled now."""
        with _LOCK:
            if signature not in self._codes:
                code = load_code(self.function, signature, self.identity)
                if code is None:
                    from lmkit.kernels.compiled.building import build

                    code = build(self, signature)
                    save_code(self.function, signature, self.identity, code)
                self._codes[signature] = load(code)
            return self._codes[signature]

    @cached_property
    def callees(self) -> dict[str, Kernel | Primitive]:
        """The other compiled functions that this one calls, by their names in it."""
        read = globals_of(self.function)
        return {
            name: value for name, value in read.items() if isinstance(value, Kernel | Primitive)
        }

    @cached_property
    def identity(self) -> str | None:
        """A hash of everything its machine code depends on; None where that is not known."""
        called = {name: callee.identity for name, callee in self.callees.items()}
        return identity(self.function, self.options, called)

    @cached_property
    def dispatcher(self) -> Any:
        """The function as numba's dispatcher, for other compiled functions to call."""
        from lmkit.kernels.compiled.building import dispatcher_of

        return dispatcher_of(self)


def compiled(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Return a function that is compiled when called, runs without the GIL, and is cached on disk.

    Used as a decorator, bare or with options of numba's ``njit`` such as ``inline="always"``.
    """
    if function is None:
        return lambda given: compiled(given, **options)
    return Kernel(function, options)  # type: ignore[arg-type]


def primitive(function: Callable[..., Any]) -> Any:
    """Return a function that generates LLVM instructions, for compiled functions to call.

    It takes numba's typing context and the types of its arguments, and returns a signature and a
    code generator, as described for ``numba.extending.intrinsic``.
    """
    return Primitive(function)  # type: ignore[arg-type]
