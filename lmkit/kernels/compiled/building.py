"""Machine code from Python: what numba does, once for each function and kinds of arguments."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numba
import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array
from numba.np.numpy_support import from_dtype

from lmkit.kernels.compiled import arguments as a
from lmkit.kernels.compiled.loading import Made, target_machine

if TYPE_CHECKING:
    from lmkit.kernels.compiled import Kernel

_WORD = ir.IntType(64)
# The functions of C's mathematical library that code may call; numba has its own names for some.
_LIBRARY = {"memcpy", "memmove", "memset", "exp", "exp2", "log", "log2", "log10", "pow", "sqrt"}
_LIBRARY |= {"floor", "ceil", "rint", "round", "trunc", "fmod", "sin", "cos", "tan", "atan", "tanh"}
_RENAMED = {f"numba_{name}": name for name in ("expm1", "log1p", "lgamma", "erf", "erfc")}
_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",  # dividing by zero raises nothing
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "_nrt": False,  # numba refuses what would allocate
}


def dispatcher_of(kernel: Kernel) -> Any:
    """Return the function of a kernel as numba compiles it, those that it calls likewise."""
    function = kernel.function
    called = {name: use.dispatcher for name, use in kernel.uses.items()}
    copied = FunctionType(
        function.__code__,
        {**function.__globals__, **called},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copied.__module__, copied.__qualname__ = function.__module__, function.__qualname__
    return numba.njit(**_OPTIONS, **kernel.options)(copied)


def build(kernel: Kernel, signature: str) -> Made:
    """Return the machine code of a kernel for arguments of some kinds.

    Raises RuntimeError for a function that cannot be compiled, or does what none may do.
    """
    config: Any = numba.core.config
    told = config.DISABLE_JIT, config.BOUNDSCHECK
    config.DISABLE_JIT, config.BOUNDSCHECK = 0, None  # what these ask for could not be kept
    try:
        return _built(kernel, signature)
    except Exception as error:
        name = kernel.function.__qualname__
        raise RuntimeError(f"{name} cannot be compiled for ({signature}): {error}") from error
    finally:
        config.DISABLE_JIT, config.BOUNDSCHECK = told


def _built(kernel: Kernel, signature: str) -> Made:
    leaves = a.leaf_kinds(signature)
    returns: list[str] = []
    names: dict[str, Any] = {"np": np, "kernel": kernel.dispatcher, "give": _giver(returns)}
    given = _expression(signature, names)
    parameters = "".join(f"a{number}, " for number in range(len(leaves)))
    source = f"def entry({parameters}out):\n    give(out, kernel({given}))\n"
    exec(compile(source, f"<entry of {kernel.function.__qualname__}>", "exec"), names)
    entry = numba.njit(**_OPTIONS)(names["entry"])
    passed = tuple(types.float64 if a.is_float(kind) else types.int64 for kind in leaves)
    entry.compile((*passed, types.int64))
    (result,) = entry.overloads.values()
    module = binding.parse_assembly(str(entry.inspect_llvm(result.signature.args)))
    symbol = f"lmkit_{uuid4().hex}"
    module.get_function(result.fndesc.llvm_func_name).name = symbol
    for function in module.functions:
        if function.is_declaration:
            _resolve(function)
        elif function.name != symbol:
            function.linkage = "internal"  # all code of a process is linked together
    return Made(symbol, leaves, returns[0], target_machine().emit_object(module))


def _resolve(function: Any) -> None:
    """Give a function that code calls its name in C's mathematical library; refuse all others."""
    name = _RENAMED.get(function.name, function.name)
    if name.startswith("llvm."):
        return
    if name not in {*_LIBRARY, *_RENAMED.values()} or binding.address_of_symbol(name) is None:
        raise TypeError(f"it calls {name}, which is not there when numba is not")
    function.name = name


def _expression(signature: str, names: dict[str, Any]) -> str:
    """Return the arguments of a kernel, as an entry with the parameters a0, a1, ... writes them."""
    parts: list[str] = []
    number = 0
    for kind in signature.split(",") if signature else ():
        if kind in (a.OPEN, a.NONE):
            parts.append("(" if kind == a.OPEN else "None,")
            continue
        if kind == a.CLOSE:
            parts.append("),")
            continue
        value, number = f"a{number}", number + 1
        if kind == a.BOOL:
            value = f"{value} != 0"
        elif kind[0] == a.NUMPY:
            value = f"np.{np.dtype(kind[1:]).name}({value})"
        elif kind not in (a.INT, a.FLOAT):
            name = f"array{number}"
            names[name] = _array_at(kind)
            value = f"{name}({value})"
        parts.append(f"{value},")
    return "".join(parts)


def _array_at(kind: str) -> Any:
    """Return the function from the address of an array, a Python object, to the array.

    Such an object is what every Python object begins with, then ``char *data; int nd; npy_intp
    *dimensions; npy_intp *strides`` (``PyArrayObject`` in numpy's C API).
    """
    letter, axes = kind[0], int(kind[1:].rstrip(a.GAPS + a.READ_ONLY))
    layout: Any = "A" if a.GAPS in kind[1:] else "C"
    read_only = a.READ_ONLY in kind[1:]
    array = types.Array(from_dtype(np.dtype(letter)), axes, layout, readonly=read_only)

    def array_at(typing_context: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            def word(begin: Any, offset: int) -> Any:
                place = builder.add(begin, _WORD(offset))
                return builder.load(builder.inttoptr(place, _WORD.as_pointer()))

            data, _, dimensions, strides = (
                word(arguments[0], object.__basicsize__ + 8 * field) for field in range(4)
            )
            view = context.make_array(array)(context, builder)
            populate_array(
                view,
                data=builder.inttoptr(data, view.data.type),
                shape=[word(dimensions, 8 * axis) for axis in range(axes)],
                strides=[word(strides, 8 * axis) for axis in range(axes)],
                itemsize=_WORD(np.dtype(letter).itemsize),
                meminfo=None,
            )
            return view._getvalue()

        return array(types.int64), generate

    return intrinsic(array_at)


def _giver(returns: list[str]) -> Any:
    """Return the function that writes a result to an address; it notes in `returns` what it is."""

    def give(typing_context: Any, address: Any, result: Any) -> Any:
        several = isinstance(result, types.BaseTuple)
        kinds = [] if result == types.none else list(result) if several else [result]
        letters = "".join(_letter(kind) for kind in kinds)
        returns.append(f"({letters})" if several else letters)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            place = builder.inttoptr(arguments[0], _WORD.as_pointer())
            for index, kind in enumerate(kinds):
                value = builder.extract_value(arguments[1], index) if several else arguments[1]
                if isinstance(kind, types.Float):
                    value = context.cast(builder, value, kind, types.float64)
                    value = builder.bitcast(value, _WORD)
                else:
                    value = context.cast(builder, value, kind, types.int64)
                builder.store(value, builder.gep(place, [_WORD(index)]))
            return context.get_dummy_value()

        return types.void(types.int64, result), generate

    return intrinsic(give)


def _letter(kind: Any) -> str:
    """Return how a number of a type is given back: f float, b bool, u unsigned, i whole."""
    if isinstance(kind, types.Float):
        return "f"
    if isinstance(kind, types.Boolean):
        return "b"
    if isinstance(kind, types.Integer):
        return "u" if kind == types.uint64 else "i"
    raise TypeError(f"a compiled function returns numbers, not {kind}")
