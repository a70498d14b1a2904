"""How often one call changes from one file of the house to another: how far a reader has to walk to follow it.

    python -m benchmarks.walks [--root DIR]

Counts with `sys.setprofile`, in every thread, the changes of the file of this project that is being run, calls and
returns alike, during one call of `Vision.detect` and of `Reasoner.answer` with a formal query. Both are called once
before with something else, so that imports, the opening of models and the first fill of caches are left out. `--root`
runs another checkout's code instead (it is put first on the path), to hold a figure beside an older one. The readers of
instructions and questions count as one place, whatever their files; the figure with their files apart stands beside it.
Prints the changes, the files and, for each file, how often it was entered.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any

ROOMS = ("skylark", "kg_data", "reasoning", "vision", "app")
READERS = ("reasoning/parsing/", "reasoning/questions/", "vision/parsing/", "vision/instructions/")
"""Folders that are one place each; the names of today, and those of version 0.1.0."""


class Walk:
    """The changes of own file while it is entered as a context.

    Attributes:
        entered: file, relative to the root, or reader's folder, to how often it was come to from another.
    """

    def __init__(self, root: Path, readers: tuple[str, ...] = READERS) -> None:
        self._readers = readers
        self._inside = {str(root / room) + "/": len(str(root)) + 1 for room in ROOMS}
        self._at: dict[int, str | None] = {}
        self.entered: Counter[str] = Counter()

    @property
    def changes(self) -> int:
        """How often the file changed."""
        return sum(self.entered.values())

    def __enter__(self) -> Walk:
        threading.setprofile(self._event)
        sys.setprofile(self._event)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    def _event(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            own = self._own(frame)
        elif event == "return":
            own = self._own_above(frame.f_back)
        else:
            return
        thread = threading.get_ident()
        if own is not None and own != self._at.get(thread):
            if thread in self._at:
                self.entered[own] += 1
            self._at[thread] = own

    def _own(self, frame: FrameType) -> str | None:
        name = frame.f_code.co_filename
        own = next((name[cut:] for room, cut in self._inside.items() if name.startswith(room)), None)
        return None if own is None else next((folder for folder in self._readers if own.startswith(folder)), own)

    def _own_above(self, frame: FrameType | None) -> str | None:
        while frame is not None:
            if (own := self._own(frame)) is not None:
                return own
            frame = frame.f_back
        return None


def walked(root: Path, first: Callable[[], object], *measured: Callable[[], object]) -> list[Walk]:
    """The walks of two calls of one kind, after another one: with the readers as one place each, and file by file."""
    first()
    walks = [Walk(root), Walk(root, ())]
    for walk, call in zip(walks, measured, strict=True):
        with walk:
            call()
    return walks


def main() -> None:
    """Measure both calls and print what was counted."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[1], help="the checkout")
    root = parser.parse_args().root.resolve()
    sys.path.insert(0, str(root))
    from reasoning import KnowledgeGraph, Query, Reasoner
    from vision import Vision

    photographs = find_spec("skimage")
    if photographs is None or not photographs.submodule_search_locations:
        raise SystemExit("needs the photographs of scikit-image: pip install -r requirements-models.txt --no-deps")
    images = Path(photographs.submodule_search_locations[0]) / "data"
    reasoner = Reasoner(KnowledgeGraph.load("world"), method="exact")
    queries = [
        Query.parse(f'capital(borders("{name}") & !~currency("Euro"))') for name in ("France", "Germany", "Spain")
    ]
    vision = Vision(model="embedded")
    things = {"cup": "coffee.png", "person": "astronaut.png", "cat": "chelsea.png"}

    def detect(thing: str) -> object:
        return vision.detect(images / things[thing], f"Find every {thing}; output (c, x1, y1, x2, y2)").text

    walks = {
        "Reasoner.answer": walked(root, *(lambda query=query: reasoner.answer(query) for query in queries)),
        "Vision.detect": walked(root, *(lambda thing=thing: detect(thing) for thing in things)),
    }
    for name, (walk, apart) in walks.items():
        print(
            f"{name}: {walk.changes} changes of file, {len(walk.entered)} files; readers' files apart {apart.changes}"
        )
        for file, times in walk.entered.most_common():
            print(f"    {times:4} {file}")


if __name__ == "__main__":
    main()
