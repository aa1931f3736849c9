"""Pickles of numbers, texts and arrays of bytes, read without running anything.

Python's own reader calls what a pickle names, and NumPy's `__setstate__` takes a pointer from it.
This one knows the few instructions that such data are written with, and refuses all others.

Source: Lib/pickletools.py of Python, which describes every instruction, and what NumPy's
`ndarray.__reduce__` gives.
"""

import pickletools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

_MARK = object()

_NAMED = {
    ("numpy.core.multiarray", "_reconstruct"): "array",
    ("numpy._core.multiarray", "_reconstruct"): "array",
    ("numpy", "ndarray"): "ndarray", ("numpy", "dtype"): "dtype", ("_codecs", "encode"): "bytes",
}  # fmt: skip
"""All that a pickle may name, and what stands for it here."""

_VALUES = {
    "BININT", "BININT1", "BININT2", "LONG1", "INT", "NONE", "NEWTRUE", "NEWFALSE", "BINUNICODE",
    "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES", "BINSTRING", "SHORT_BINSTRING", "BINFLOAT",
}  # fmt: skip
_FIXED = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}


class _Array:
    """An array that is being put together."""

    values: np.ndarray | None = None

    def set(self, state: Any) -> None:
        version, shape, kind, fortran, data = state
        if kind is not _BYTES or not isinstance(data, bytes) or version != 1:
            raise ValueError("its arrays are not of bytes")
        self.values = np.frombuffer(data, np.uint8).reshape(shape, order="F" if fortran else "C")


class _Kind:
    """The type of an array's numbers: bytes, or nothing that is read."""

    def set(self, state: Any) -> None:
        pass


_BYTES = _Kind()


def plain_pickle(data: bytes) -> Any:
    """What a pickle holds: dicts, lists, tuples, numbers, texts, and arrays of uint8.

    Texts of Python 2 are bytes, as `pickle.load(..., encoding="bytes")` gives them.

    Raises:
        ValueError: damaged, or it asks for anything else.
    """
    stack: list[Any] = []
    kept: dict[int, Any] = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # odd escapes in a text
            for code, value, _ in pickletools.genops(data):
                if code.name == "STOP":
                    return _finished(stack[-1], {})
                _do(code.name, value, stack, kept)
    except (AttributeError, LookupError, TypeError, RecursionError, OverflowError) as error:
        raise ValueError("its instructions do not fit together") from error
    raise ValueError("it does not end")


def _do(name: str, value: Any, stack: list[Any], kept: dict[int, Any]) -> None:
    if name in _VALUES:
        value = _FIXED.get(name, value)
        as_bytes = name in ("BINSTRING", "SHORT_BINSTRING")
        stack.append(value.encode("latin-1") if as_bytes else value)
    elif name in ("PROTO", "FRAME"):
        pass
    elif name == "MARK":
        stack.append(_MARK)
    elif name in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
        kept[len(kept) if name == "MEMOIZE" else value] = stack[-1]
    elif name in ("BINGET", "LONG_BINGET"):
        stack.append(kept[value])
    elif name == "GLOBAL":
        stack.append(_named(*value.split(" ", 1)))
    elif name in _DO:
        _DO[name](stack)
    else:
        raise ValueError(f"it asks for {name}")


def _named(module: str, name: str) -> Any:
    if (module, name) not in _NAMED:
        raise ValueError(f"it asks for {module}.{name}")
    return _NAMED[module, name]


def _since_mark(stack: list[Any]) -> list[Any]:
    at = len(stack) - 1 - stack[::-1].index(_MARK)
    found = stack[at + 1 :]
    del stack[at:]
    return found


def _call(stack: list[Any]) -> None:
    given, what = stack.pop(), stack.pop()
    if what == "array":
        stack.append(_Array())
    elif what == "dtype":
        stack.append(_BYTES if given[0] in ("u1", b"u1") else _Kind())
    elif what == "bytes" and given[1:] in (("latin1",), ("latin-1",)):
        stack.append(given[0].encode("latin-1"))
    else:
        raise ValueError(f"it calls {what}")


def _build(stack: list[Any]) -> None:
    state = stack.pop()
    stack[-1].set(state)


def _extend(stack: list[Any]) -> None:
    found = _since_mark(stack)
    stack[-1].extend(found)


def _set_items(stack: list[Any]) -> None:
    found = _since_mark(stack)
    stack[-1].update(zip(found[::2], found[1::2], strict=True))


def _tuple_of(count: int) -> Callable[[list[Any]], None]:
    def make(stack: list[Any]) -> None:
        if len(stack) < count:
            raise IndexError("too few")
        found = tuple(stack[len(stack) - count :])
        del stack[len(stack) - count :]
        stack.append(found)

    return make


def _set_item(stack: list[Any]) -> None:
    value, key = stack.pop(), stack.pop()
    stack[-1].update({key: value})


def _append(stack: list[Any]) -> None:
    value = stack.pop()
    stack[-1].extend([value])


_DO: dict[str, Callable[[list[Any]], None]] = {
    "EMPTY_DICT": lambda stack: stack.append({}),
    "EMPTY_LIST": lambda stack: stack.append([]),
    "EMPTY_TUPLE": lambda stack: stack.append(()),
    "TUPLE": lambda stack: stack.append(tuple(_since_mark(stack))),
    "TUPLE1": _tuple_of(1), "TUPLE2": _tuple_of(2), "TUPLE3": _tuple_of(3),
    "STACK_GLOBAL": lambda stack: stack.append(_named(*[stack.pop(), stack.pop()][::-1])),
    "REDUCE": _call, "BUILD": _build, "APPENDS": _extend, "APPEND": _append,
    "SETITEMS": _set_items, "SETITEM": _set_item,
    "POP": lambda stack: stack.pop() and None,
}  # fmt: skip


def _finished(value: Any, done: dict[int, Any]) -> Any:
    """With arrays in place of what they were put together in; what stands in many places is
    finished once, or a few bytes would grow without end."""
    if isinstance(value, _Array):
        if value.values is None:
            raise ValueError("an array of it was never filled")
        return value.values
    if not isinstance(value, dict | list | tuple):
        return value
    if id(value) not in done:
        done[id(value)] = _MARK
        if isinstance(value, dict):
            done[id(value)] = {key: _finished(item, done) for key, item in value.items()}
        else:
            done[id(value)] = type(value)(_finished(item, done) for item in value)
    if done[id(value)] is _MARK:
        raise ValueError("it holds itself")
    return done[id(value)]
