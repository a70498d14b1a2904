"""BetaE's official folders converted to integer triples and query records, their pickles not trusted.

BetaE (Ren & Leskovec 2020, github.com/snap-stanford/KGReasoning) publishes its queries as pickles:
`<split>-queries.pkl` maps a structure such as (('e', ('r',)), ('e', ('r', 'n'))) to its queries, nested tuples of ids
in which -1 marks a union and -2 a complement; `<split>-easy-answers.pkl` and `<split>-hard-answers.pkl`
(`train-answers.pkl` of the training queries) map a query to its answers.

A pickle is a program: it may name any function and call it. These files need only sets, dicts and defaultdicts,
lists, tuples, numbers and texts, so nothing else is ever looked up, and a file cannot make more elements than it has
bytes.
"""

import json
import pickle
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar, NoReturn, cast

from kg_data.loaders.folders import SPLITS, load_integer
from kg_data.loaders.text import WatchedFile, open_watched
from skylark.errors import DataError, SkylarkError
from skylark.files import whole_folder

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


_STEP, _STEPS, _NOT = ("e", ("r",)), ("e", ("r", "r")), ("e", ("r", "n"))

STRUCTURES: Mapping[Any, str] = {
    _STEP: "1p",
    _STEPS: "2p",
    ("e", ("r", "r", "r")): "3p",
    (_STEP, _STEP): "2i",
    (_STEP, _STEP, _STEP): "3i",
    ((_STEP, _STEP), ("r",)): "ip",
    (_STEPS, _STEP): "pi",
    (_STEP, _STEP, ("u",)): "2u",
    ((_STEP, _STEP, ("u",)), ("r",)): "up",
    (_STEP, _NOT): "2in",
    (_STEP, _STEP, _NOT): "3in",
    ((_STEP, _NOT), ("r",)): "inp",
    (_STEPS, _NOT): "pin",
    (("e", ("r", "r", "n")), _STEP): "pni",
}
"""BetaE's structures: an entity, relations, a complement and a union in their places, and the type of such a query."""

UNIONS_ONCE_MORE = (((_NOT, _NOT), ("n",)), ((_NOT, _NOT), ("n", "r")))
"""2u and up again, written by De Morgan's law; the same queries and answers, so they are left out."""

_LARGEST_QUERY = 64


@dataclass(frozen=True)
class Converted:
    """What was written.

    Attributes:
        entities, relations: ids; inverse relations count.
        queries: query file, relative to the folder, to its number of queries.
    """

    entities: int
    relations: int
    queries: Mapping[str, int]


def is_betae_folder(path: Path) -> bool:
    """Whether a folder holds what BetaE publishes for a graph."""
    return all((path / name).is_file() for name in ("id2ent.pkl", "id2rel.pkl", "train.txt"))


def convert_betae(source: Path, target: Path) -> Converted:
    """Write an official folder as `id2ent.tsv`, `id2rel.tsv`, the triples and `queries/<split>-<type>.jsonl`.

    A record is {"type", "query", "easy", "hard"}, ids sorted; training queries go to `queries/train/`. Relations named
    "+r" and "-r" become "r" and "r_reverse", so that they are known as each other's inverse. The folder is written
    beside its place and renamed when whole.

    Raises:
        DataError: the source is no such folder, or a file in it is broken or asks for classes that are not admitted.
        SkylarkError: the target exists or cannot be written.
    """
    if not is_betae_folder(source):
        raise DataError(source, "BetaE's folder with id2ent.pkl, id2rel.pkl and train.txt")
    if target.exists():
        raise SkylarkError(f"{target} exists; give a folder that does not, it will be made")
    try:
        with whole_folder(target) as work:
            entities = _write_ids(source / "id2ent.pkl", work / "id2ent.tsv")
            relations = _write_ids(source / "id2rel.pkl", work / "id2rel.tsv", inverse_names=True)
            for split in SPLITS:
                if (path := source / f"{split}.txt").is_file():
                    shutil.copyfile(path, work / path.name)
            _check(source, work)
            return Converted(entities, relations, dict(_write_queries(source, work / "queries")))
    except OSError as error:
        raise SkylarkError(f"{target} cannot be written: {error}") from error


def _check(source: Path, work: Path) -> None:
    """Read the graph, as a user will, so that a triple that does not fit its ids is found now."""
    try:
        load_integer(work, work.name)
    except DataError as error:
        raise DataError(source / Path(error.path).name, error.expected, error.line, error.found) from None


def _write_ids(source: Path, target: Path, inverse_names: bool = False) -> int:
    names = read_plain_pickle(source)
    expected = "a dict of ids (whole numbers from 0) and names"
    if not isinstance(names, dict) or not names or not all(_is_id(key) for key in names):
        raise DataError(source, expected, found=type(names).__name__)
    texts = {key: str(name) for key, name in names.items()}
    for key, name in texts.items():
        if not name.strip() or any(char in name for char in "\t\n\r"):
            raise DataError(source, "names without tabs and line ends, none of them empty", found=f"{key}: {name!r}")
    if inverse_names:
        texts = _without_signs(texts)
    with target.open("w", encoding="utf-8", errors="surrogatepass") as file:
        file.writelines(f"{key}\t{texts[key]}\n" for key in sorted(texts))
    return len(texts)


def _without_signs(names: dict[int, str]) -> dict[int, str]:
    """Relations named "+r" and "-r" as "r" and "r_reverse", where all of them are named so."""
    every = set(names.values())
    if not all(name[0] == "+" or (name[0] == "-" and f"+{name[1:]}" in every) for name in every):
        return names
    return {key: name[1:] + "_reverse" * (name[0] == "-") for key, name in names.items()}


def _write_queries(source: Path, target: Path) -> Iterator[tuple[str, int]]:
    for split in SPLITS:
        path = source / f"{split}-queries.pkl"
        if not path.is_file():
            continue
        # An evaluation takes every file of the folder that is not of another split; training is none of them.
        folder = target / "train" if split == "train" else target
        folder.mkdir(parents=True, exist_ok=True)
        by_structure = read_plain_pickle(path)
        if not isinstance(by_structure, dict):
            raise DataError(path, "a dict of structures and queries", found=type(by_structure).__name__)
        if split == "train":
            easy, hard = _read_answers(source / "train-answers.pkl"), {}
        else:
            easy, hard = (_read_answers(source / f"{split}-{part}-answers.pkl") for part in ("easy", "hard"))
        for structure, queries in by_structure.items():
            if structure in UNIONS_ONCE_MORE:
                continue
            kind = _kind(path, structure, queries)
            place = folder / f"{split}-{kind}.jsonl"
            with place.open("w", encoding="ascii") as file:
                for query in sorted(queries):
                    record = {
                        "type": kind,
                        "query": query,
                        "easy": sorted(easy.get(query, ())),
                        "hard": sorted(hard.get(query, ())),
                    }
                    file.write(json.dumps(record, separators=(",", ":")) + "\n")
            yield place.relative_to(target.parent).as_posix(), len(queries)


def _kind(path: Path, structure: object, queries: object) -> str:
    kind = STRUCTURES.get(structure) if isinstance(structure, tuple) else None
    if kind is None:
        raise DataError(path, f"the structures of {', '.join(STRUCTURES.values())}", found=repr(structure)[:200])
    if not isinstance(queries, set | list):
        raise DataError(path, f"a set of queries of type {kind}", found=type(queries).__name__)
    for query in queries:
        if _structure(query, _LARGEST_QUERY) != structure:
            hint = "relations have ids of 0 or more; -1 marks a union, -2 a complement"
            raise DataError(path, f"a query of the structure {structure}", found=repr(query)[:200], hint=hint)
    return kind


def _structure(node: Any, budget: int) -> Any:
    """A query with the marks of `STRUCTURES` in the place of its ids; None for what is no query, or far too large."""
    if not isinstance(node, tuple) or not 0 < len(node) <= budget:
        return None
    if all(isinstance(item, int) for item in node):
        return tuple({-1: "u", -2: "n"}.get(item, "r" if _is_id(item) else None) for item in node)
    if _is_id(node[0]):
        return ("e", *(_structure(item, budget // 2) for item in node[1:]))
    return tuple(_structure(item, budget // 2) for item in node)


def _read_answers(path: Path) -> dict[Any, set[int]]:
    answers = read_plain_pickle(path)
    expected = "a dict of queries and their sets of ids"
    if not isinstance(answers, dict):
        raise DataError(path, expected, found=type(answers).__name__)
    total = 0
    for query, ids in answers.items():
        if not isinstance(ids, set | list) or not all(_is_id(item) for item in ids):
            raise DataError(path, expected, found=f"{query!r}: {type(ids).__name__}"[:200])
        # Every id of an honest file stands in it; a small file can name one large set over and over.
        total += len(ids)
        if total > path.stat().st_size:
            raise DataError(path, "no more answers than the file has bytes", found="one set named over and over")
    return answers


def _is_id(item: object) -> bool:
    return isinstance(item, int) and not isinstance(item, bool) and item >= 0
