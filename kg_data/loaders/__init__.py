"""Readers of graph files and folders: which form a path has, which of its files are read, and its columns.

A folder is recognised by the files that are in it, never by its name, so that a graph of one's own needs no
registration. Nothing is unpickled.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from kg_data.columns import GraphColumns
from kg_data.loaders import folders, rdf, tables
from kg_data.loaders.folders import SOURCE_FILES
from kg_data.loaders.text import USUAL, LoadingOptions
from skylark.errors import DataError

__all__ = ["FORMAT_VERSION", "SUFFIXES", "Form", "LoadingOptions", "files_read", "form_of", "load_path"]

Form = Literal["labelled", "integer", "metaqa", "file"]

FORMAT_VERSION = 5
"""Raised whenever the same files come to give other columns, so that caches built from the old ones are left."""

KNOWN_FOLDERS = (
    "a folder with train.txt (and valid.txt, test.txt) of head<TAB>relation<TAB>tail, "
    "or with id2ent.tsv, id2rel.tsv and train.txt of integer triples, "
    "or with kb.txt or kb_partial.txt of subject|relation|object"
)

SUFFIXES = (*tables.TABLE_SUFFIXES, *tables.JSONL_SUFFIXES, *rdf.SUFFIXES)

_FOLDERS: Mapping[Form, Callable[[Path, str], GraphColumns]] = {
    "labelled": folders.load_labelled,
    "integer": folders.load_integer,
    "metaqa": tables.load_metaqa,
}

_FILES: Mapping[Form, tuple[str, ...]] = {
    "labelled": folders.LABELLED_FILES,
    "integer": folders.INTEGER_FILES,
    "metaqa": (*tables.METAQA_FILES, *SOURCE_FILES),
}


def form_of(path: Path) -> Form | None:
    """The form of a file or folder; None where it is none that is read here."""
    if path.is_file():
        return "file" if path.suffix.lower() in SUFFIXES else None
    has_train = (path / "train.txt").is_file()
    if has_train and ((path / "id2ent.tsv").is_file() or (path / "id2rel.tsv").is_file()):
        return "integer"
    if has_train:
        return "labelled"
    return "metaqa" if tables.metaqa_file(path) else None


def load_path(path: Path, name: str, loading: LoadingOptions = USUAL) -> GraphColumns:
    """Read a file or folder of triples.

    Args:
        path: a file whose suffix is one of `SUFFIXES`, or a folder of one of the known forms.
        name: name of the graph, for display.
        loading: what the file does not say of itself.

    Raises:
        DataError: the path has no known form (what is known and what was found is said), or a file is broken.
        UsageError: the form is not read with what `loading` asks for.
    """
    form, suffix = _known_form(path), path.suffix.lower()
    if form == "file" and suffix in tables.TABLE_SUFFIXES:
        return tables.load_file(path, name, loading)
    if form == "file" and suffix in tables.JSONL_SUFFIXES:
        loading.refuse_all_but(f"{path}", "skip_broken")
        return tables.load_json_lines(path, name, loading)
    loading.refuse_all_but(f"{path}")
    return rdf.load_rdf(path, name) if form == "file" else _FOLDERS[form](path, name)


def files_read(path: Path) -> list[Path]:
    """The files whose content `load_path` depends on, in a fixed order.

    Raises:
        DataError: the path has no known form.
    """
    form = _known_form(path)
    if form == "file":
        return [path]
    return [path / name for name in _FILES[form] if (path / name).is_file()]


def _known_form(path: Path) -> Form:
    form = form_of(path)
    if form is not None:
        return form
    if path.is_dir():
        found = sorted(item.name + "/" * item.is_dir() for item in path.iterdir())
        raise DataError(path, KNOWN_FOLDERS, found=", ".join(found) or "an empty folder")
    if path.is_file():
        raise DataError(path, f"a file of triples in one of the formats {', '.join(SUFFIXES)}", found=path.name)
    raise DataError(path, "an existing file or folder")
