"""Compiled functions that start at once: machine code that numba made, run without numba.

To import numba takes a fifth of a second, longer than most of what lmkit is asked to do, and all
of it is only needed where a function has not been compiled yet. So a function is compiled by numba
once, when it is first called with arguments of some types, and its machine code is kept in a file;
later processes load that file through llvmlite alone and call the code by its address.

What makes this simple is a rule: compiled functions work on the arrays that they are given, and on
numbers. They allocate nothing, raise nothing, and return numbers or nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, update_wrapper
from threading import RLock
from types import FunctionType
from typing import Any

from lmkit.kernels.compiled.arguments import Packed, flatten
from lmkit.kernels.compiled.files import recall, remember
from lmkit.kernels.compiled.identity import globals_of, identity
from lmkit.kernels.compiled.loading import MachineCode, load

__all__ = ["Kernel", "Packed", "Primitive", "compiled", "primitive"]
_ONE_AT_A_TIME = RLock()  # threads that compile or load


class Primitive:
    """A function of LLVM instructions, for compiled functions to call (numba's ``intrinsic``)."""

    def __init__(self, function: FunctionType):
        self.__doc__ = function.__doc__
        self.function = function

    @cached_property
    def identity(self) -> str | None:
        """What its code depends on, in one line; None where that cannot be told."""
        return identity(self.function)

    @cached_property
    def dispatcher(self) -> Any:
        """The function as numba knows it."""
        from numba.extending import intrinsic

        return intrinsic(self.function)


class Kernel:
    """A function that is compiled for the types of its arguments, and runs without the GIL.

    Arguments are arrays, numbers, and tuples of them; the types of arrays are told by dtype, number
    of axes, and whether they are contiguous and may be written to.
    """

    def __init__(self, function: FunctionType, options: dict[str, Any]):
        update_wrapper(self, function)
        self.function = function
        self.options = options
        self._codes: dict[str, MachineCode] = {}

    def __call__(self, *arguments: Any) -> Any:
        """Run the function; it is compiled or loaded first where it was not called so before."""
        kinds: list[str] = []
        leaves: list[float] = []
        flatten(arguments, kinds, leaves)
        signature = ",".join(kinds)
        code = self._codes.get(signature)
        return (code or self._code_for(signature))(leaves)

    def _code_for(self, signature: str) -> MachineCode:
        """Return the machine code for arguments of some types, from its file or compiled now."""
        with _ONE_AT_A_TIME:
            if signature not in self._codes:
                made = recall(self.function, signature, self.identity)
                if made is None:
                    from lmkit.kernels.compiled.building import build

                    made = build(self, signature)
                    remember(self.function, signature, self.identity, made)
                self._codes[signature] = load(made)
            return self._codes[signature]

    @cached_property
    def uses(self) -> dict[str, Kernel | Primitive]:
        """The other compiled functions that this one calls, by the names it has for them."""
        known = globals_of(self.function)
        return {
            name: value for name, value in known.items() if isinstance(value, Kernel | Primitive)
        }

    @cached_property
    def identity(self) -> str | None:
        """What its code depends on, in one line; None where that cannot be told."""
        called = {name: use.identity for name, use in self.uses.items()}
        return identity(self.function, self.options, called)

    @cached_property
    def dispatcher(self) -> Any:
        """The function as numba knows it, for other compiled functions to call."""
        from lmkit.kernels.compiled.building import dispatcher_of

        return dispatcher_of(self)


def compiled(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Return a function compiled to run without the interpreter lock, and kept on disk.

    Use it as a decorator, bare or with further options of numba's ``njit`` such as
    ``inline="always"``.
    """
    if function is None:
        return lambda given: compiled(given, **options)
    return Kernel(function, options)  # type: ignore[arg-type]


def primitive(function: Callable[..., Any]) -> Any:
    """Return a function that writes LLVM instructions itself, for compiled functions to call.

    It takes numba's typing context and the types of its arguments, and returns a signature and
    what generates the code, as ``numba.extending.intrinsic`` describes.
    """
    return Primitive(function)  # type: ignore[arg-type]
