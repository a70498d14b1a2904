"""Changes to a graph store in children that are killed. A program of its own: what it forks must have no threads.

    python -m tests.reasoning.graph.updates.killed_changes FOLDER

Of a change, of compacting, and of making a store, a child is killed before its first effect on the disk, another one
before its second, and so on. Each time the store must hold the old graph or the new one, whole, and the same change,
made again, must give the new one. Prints how often each came to be, as JSON.
"""

import itertools
import json
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reasoning import KnowledgeGraph
from reasoning.graph.provenance import Source, Sourced
from reasoning.graph.updates.edits import Change
from reasoning.graph.updates.on_disk import GraphStore

EFFECTS = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.chmod", "shutil.rmtree"}
"""What Python says of itself before it does it; writing and forcing to the disk are noted beside it."""

START: list[tuple[str, str, str | int]] = [("a", "r", "b"), ("b", "r", "c"), ("a", "n", 5)]
CHANGE = Change.of(
    [Sourced("c", "r", "d", Source("x.txt", 1)), ("d", "s", "a"), ("d", "n", 7)],
    [("b", "r", "c"), ("a", "n", 5)],
    types=[("d", "thing")],
)
STRIDE = 3
"""Of the many effects of making and compacting a store, one in so many is the last."""


def main() -> None:
    folder = Path(sys.argv[1])
    os.fsync = lambda fd: None  # slow, and what a killed process has written is safe without
    kept = folder / "start"
    start = KnowledgeGraph.from_triples(START)
    store = GraphStore.create(kept, start)
    found: dict[str, Counter[str]] = {}
    actions: tuple[tuple[str, Callable[[GraphStore], object], int], ...] = (
        ("change", lambda store: store.change(CHANGE), 1), ("compact", lambda store: store.compact(), STRIDE),
    )  # fmt: skip
    for name, act, stride in actions:
        after = folder / f"after-{name}"
        shutil.copytree(kept, after)
        act(GraphStore(after))
        old, new = said(store), said(GraphStore(after))
        found[name] = Counter()
        for number in itertools.count(0, stride):
            place = folder / f"{name}-{number}"
            shutil.copytree(kept, place)
            if not killed(place, act, number):
                assert said(GraphStore(place)) == new
                break
            # What compacting leaves is the same graph either way; the head tells which.
            is_old = (place / "skylark-graph").read_bytes() == (kept / "skylark-graph").read_bytes()
            assert said(GraphStore(place)) == (old if is_old else new), f"{name}, killed before effect {number}"
            found[name]["old" if is_old else "new"] += 1
            act(GraphStore(place))
            assert said(GraphStore(place)) == new
            if number % 10 == 0:
                GraphStore(place).compact()
                assert said(GraphStore(place)) == new
                assert len(list(place.iterdir())) == 4, sorted(place.iterdir())  # head, lock, base and log
            shutil.rmtree(place)
        kept, store = after, GraphStore(after)
    found["create"] = Counter()
    for number in itertools.count(0, STRIDE):
        place = folder / f"create-{number}" / "store"
        place.parent.mkdir()
        if not killed(place, lambda store: GraphStore.create(store.folder, start), number):
            break
        found["create"]["new" if place.exists() else "old"] += 1
        if not place.exists():
            GraphStore.create(place, start)
        assert said(GraphStore(place)) == said(GraphStore(folder / "start"))
    print(json.dumps(found))


def said(store: GraphStore) -> list[Any]:
    """All that a store says."""
    kg = store.open()
    types = sorted((kg.name(entity), kg.types(entity)) for entity in kg.universe.tolist())
    return [sorted(map(str, kg)), types, kg.content.sources.documents()]


def killed(place: Path, act: Callable[[GraphStore], object], number: int) -> bool:
    """Whether a child that does something was killed before one of its effects on the disk, counted from 0."""
    child = os.fork()
    if not child:
        try:
            die_at(place.parent if "create" in str(place) else place, number)
            act(GraphStore(place))
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    return os.WIFSIGNALED(status)


def die_at(place: Path, number: int) -> None:
    """Let the process die before one of its effects on the disk; of a write a half is done."""
    left = [number]

    def effect() -> None:
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        reads = event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if event in EFFECTS and not reads and str(place) in str(arguments[0]):
            effect()

    def fsync(fd: Any) -> None:
        effect()

    written = os.write

    def write(descriptor: int, content: Any) -> int:
        if not left[0]:
            written(descriptor, bytes(content)[: len(bytes(content)) // 2])
        effect()
        return written(descriptor, content)

    os.fsync, os.write = fsync, write
    sys.addaudithook(heard)


if __name__ == "__main__":
    main()
