"""Pickles that hold plain data, read without trusting them.

A pickle is a program: it may name any function and call it. BetaE's files need only sets, dicts and defaultdicts,
lists, tuples, numbers and texts, so nothing else is ever looked up. What those few can be made to do is bounded too: a
file cannot make more elements than it has bytes.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, ClassVar, NoReturn, cast

from kg_data.errors import DataError
from kg_data.loaders.text import WatchedFile, open_watched

ADMITTED = "set, dict, defaultdict, list, tuple, numbers and texts"


_OF_CLASSES = b"".join(
    (
        *(pickle.BUILD, pickle.INST, pickle.OBJ, pickle.NEWOBJ, pickle.NEWOBJ_EX),
        *(pickle.EXT1, pickle.EXT2, pickle.EXT4, pickle.PERSID, pickle.BINPERSID, pickle.FROZENSET),
    )
)
"""Opcodes that make objects of classes, or name what lies outside; plain data is written with none of them."""


LARGEST_TUPLE = 64
"""Parts of a tuple, nested ones counted. One that holds itself twice, forty times over, takes ages to hash."""


_TUPLES = b"".join((pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3))


class _Refused(Exception):
    """The pickle asks for something that is not admitted."""


def _bounded(load_tuple: Callable[[Any], None]) -> Callable[[Any], None]:
    def load(unpickler: Any) -> None:
        load_tuple(unpickler)
        _parts(unpickler.stack[-1], LARGEST_TUPLE)

    return load


def _parts(item: tuple[Any, ...], left: int) -> int:
    """What is left of a number of parts when those of a tuple are taken away."""
    left -= len(item)
    for part in item:
        if left < 0:
            raise _Refused(f"a tuple of more than {LARGEST_TUPLE} parts")
        if isinstance(part, tuple):
            left = _parts(part, left)
    return left


# The pure-Python unpickler: the one in C sets aside memory for whatever place a pickle names for an object.
class _PlainUnpickler(pickle._Unpickler):
    def __init__(self, file: WatchedFile) -> None:
        super().__init__(cast(IO[bytes], file))
        self._left = file.size
        self._makers: dict[str, Callable[..., Any]] = {
            "collections.defaultdict": self._dict,
            **{f"{module}.set": self._set for module in ("builtins", "__builtin__")},
            **{
                f"{module}.{kind.__name__}": self._default(kind)
                for module in ("builtins", "__builtin__")
                for kind in (dict, list, tuple, int, float, str)
            },
        }

    def _refuse(self) -> NoReturn:
        raise _Refused("an object that is no plain data")

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {
        **pickle._Unpickler.dispatch,
        **dict.fromkeys(_OF_CLASSES, _refuse),
        **{code: _bounded(pickle._Unpickler.dispatch[code]) for code in _TUPLES},
    }

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        """The stand-in for an admitted class."""
        maker = self._makers.get(f"{module}.{name}")
        if maker is None:
            raise _Refused(f"{module}.{name}")
        return maker

    def _set(self, items: Iterable[Any] = ()) -> set[Any]:
        made = set(items)
        self._left -= len(made)
        if self._left < 0:
            raise _Refused("more elements than the file has bytes")
        return made

    @staticmethod
    def _dict(default: Any = None) -> dict[Any, Any]:
        return {}  # what it gives for a key that is not there is of no use here

    @staticmethod
    def _default(kind: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: kind()


def read_plain_pickle(path: Path) -> Any:
    """The object in a pickle of plain data; a defaultdict comes back as a dict.

    Raises:
        DataError: the file cannot be read, is cut short, or asks for any other class, which is named.
    """
    expected = f"a pickle of {ADMITTED} alone"
    with open_watched(path) as file:
        try:
            return _PlainUnpickler(file).load()
        except _Refused as refused:
            raise DataError(path, expected, found=str(refused)) from None
        except OSError:
            raise
        except Exception as error:  # a broken program may fail in any way
            raise DataError(path, expected, found=f"{type(error).__name__}: {error}") from None
