"""Compiling a Python function to machine code with numba, for given kinds of arguments.

Numba compiles an *entry* around the kernel, which takes plain 64-bit numbers only: addresses of
arrays, numbers, and the address to write the result to. For ``total(numbers, start)`` with the
signature ``i1,int`` it is

    def entry(a0, a1, out):
        give(out, kernel(array1(a0), a1))
"""

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
from lmkit.kernels.compiled.loading import ObjectCode, target_machine

if TYPE_CHECKING:
    from lmkit.kernels.compiled import Kernel

_WORD = ir.IntType(64)
# Functions of C's mathematical library that machine code may call; numba renames some of them.
_LIBRARY = {"memcpy", "memmove", "memset", "exp", "exp2", "log", "log2", "log10", "pow", "sqrt"}
_LIBRARY |= {"floor", "ceil", "rint", "round", "trunc", "fmod", "sin", "cos", "tan", "atan", "tanh"}
_RENAMED = {f"numba_{name}": name for name in ("expm1", "log1p", "lgamma", "erf", "erfc")}
_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",  # division by zero gives inf or nan
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "_nrt": False,  # numba refuses to compile what would allocate
}


def dispatcher_of(kernel: Kernel) -> Any:
    """Return numba's dispatcher for a kernel, calling the dispatchers of its callees."""
    function = kernel.function
    called = {name: callee.dispatcher for name, callee in kernel.callees.items()}
    copied = FunctionType(
        function.__code__,
        {**function.__globals__, **called},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copied.__module__, copied.__qualname__ = function.__module__, function.__qualname__
    return numba.njit(**_OPTIONS, **kernel.options)(copied)


def build(kernel: Kernel, signature: str) -> ObjectCode:
    """Return the machine code of a kernel for arguments of some kinds.

    Raises RuntimeError for a function that cannot be compiled, or that allocates or raises.
    """
    config: Any = numba.core.config
    settings = config.DISABLE_JIT, config.BOUNDSCHECK
    config.DISABLE_JIT, config.BOUNDSCHECK = 0, None  # such code could not be cached
    try:
        return _compile(kernel, signature)
    except Exception as error:
        name = kernel.function.__qualname__
        raise RuntimeError(f"{name} cannot be compiled for ({signature}): {error}") from error
    finally:
        config.DISABLE_JIT, config.BOUNDSCHECK = settings


def _compile(kernel: Kernel, signature: str) -> ObjectCode:
    leaves = a.leaf_kinds(signature)
    returns: list[str] = []
    names: dict[str, Any] = {"np": np, "kernel": kernel.dispatcher, "give": _result_writer(returns)}
    arguments = _expression(signature, names)
    parameters = "".join(f"a{number}, " for number in range(len(leaves)))
    source = f"def entry({parameters}out):\n    give(out, kernel({arguments}))\n"
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
            function.linkage = "internal"  # its name may occur in other modules of the process
    return ObjectCode(symbol, leaves, returns[0], target_machine().emit_object(module))


def _resolve(function: Any) -> None:
    """Rename a declared function to its name in C's mathematical library; refuse any other."""
    name = _RENAMED.get(function.name, function.name)
    if name.startswith("llvm."):
        return
    if name not in {*_LIBRARY, *_RENAMED.values()} or binding.address_of_symbol(name) is None:
        raise TypeError(f"it calls {name}, which is not there when numba is not")
    function.name = name


def _expression(signature: str, names: dict[str, Any]) -> str:
    """Return the source of a kernel's arguments in terms of the entry's parameters a0, a1, ...

    ``i1,(,int,bool,),none`` gives ``array1(a0),(a1,a2 != 0,),None,``; the functions named in it are
    added to `names`.
    """
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
            names[name] = _array_reader(kind)
            value = f"{name}({value})"
        parts.append(f"{value},")
    return "".join(parts)


def _array_reader(kind: str) -> Any:
    """Return the function from the address of a numpy array object to the array.

    The object (``PyArrayObject`` in numpy's C API) is a Python object header followed by ``char
    *data; int nd; npy_intp *dimensions; npy_intp *strides``, each taking 8 bytes.
    """
    letter, axes = kind[0], int(kind[1:].rstrip(a.STRIDED + a.READ_ONLY))
    layout: Any = "A" if a.STRIDED in kind[1:] else "C"
    read_only = a.READ_ONLY in kind[1:]
    array = types.Array(from_dtype(np.dtype(letter)), axes, layout, readonly=read_only)

    def array_at(typing_context: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            def word(base: Any, offset: int) -> Any:
                pointer = builder.inttoptr(builder.add(base, _WORD(offset)), _WORD.as_pointer())
                return builder.load(pointer)

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


def _result_writer(returns: list[str]) -> Any:
    """Return the function that writes a result to an address, and appends its type to `returns`.

    The type has a letter for each number, in brackets for a tuple: ``(if)`` is an integer and a
    float (see `_letter`).
    """

    def give(typing_context: Any, address: Any, result: Any) -> Any:
        several = isinstance(result, types.BaseTuple)
        kinds = [] if result == types.none else list(result) if several else [result]
        letters = "".join(_letter(kind) for kind in kinds)
        returns.append(f"({letters})" if several else letters)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = builder.inttoptr(arguments[0], _WORD.as_pointer())
            for index, kind in enumerate(kinds):
                value = builder.extract_value(arguments[1], index) if several else arguments[1]
                if isinstance(kind, types.Float):
                    value = context.cast(builder, value, kind, types.float64)
                    value = builder.bitcast(value, _WORD)
                else:
                    value = context.cast(builder, value, kind, types.int64)
                builder.store(value, builder.gep(pointer, [_WORD(index)]))
            return context.get_dummy_value()

        return types.void(types.int64, result), generate

    return intrinsic(give)


def _letter(kind: Any) -> str:
    """Return the letter of a number's type: f float, b bool, u unsigned, i signed integer."""
    if isinstance(kind, types.Float):
        return "f"
    if isinstance(kind, types.Boolean):
        return "b"
    if isinstance(kind, types.Integer):
        return "u" if kind == types.uint64 else "i"
    raise TypeError(f"a compiled function returns numbers, not {kind}")
