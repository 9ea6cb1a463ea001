"""Compiled functions that start quickly: numba's ``njit``, loaded from its cache without ado.

Numba sets up its whole compiler (scipy's linear algebra among it, a fifth of a second) before it
looks for a function that it compiled in an earlier process. A function that is there needs none of
it; one that is not there is compiled as ever, and the compiler sets itself up then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache
from numba.core.runtime import nrt


class _Cache(FunctionCache):
    """Numba's cache of a function, but for the compiler's set-up before every look into it.

    What was compiled is out of date when the function's own file changed, and also when that of
    a compiled function of another module did, which it may have been compiled together with.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        file = self._cache_file
        self.stamps = {file._source_stamp}
        for other in function.__globals__.values():
            self.stamps |= getattr(getattr(other, "_cache", None), "stamps", set())
        file._source_stamp = tuple(sorted(self.stamps))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        nrt.rtsys.initialize(target_context)  # compiled functions allocate their arrays through it
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]


def compiled(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Return a function compiled to run without the interpreter lock, and cached on disk.

    Use it as a decorator, bare or with further options of ``njit`` such as ``inline="always"``.
    """
    if function is None:
        return lambda given: compiled(given, **options)
    dispatcher = njit(nogil=True, **options)(function)
    if dispatcher is not function:  # NUMBA_DISABLE_JIT gives the function back
        dispatcher._cache = _Cache(function)
    return dispatcher
