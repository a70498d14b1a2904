"""A run of its own that squares numbers by two workers and appends them to a file, to be killed.

    python -m tests.kg_data.batches.driver FILE COUNT SECONDS ENGINE [POISON]

Each number takes SECONDS, and a worker that comes to POISON is killed. Prints how many were left to be done.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from kg_data.batches.lines import in_order, lines_by_workers
from kg_data.batches.shards import ShardFolder, Workers
from skylark.files import AppendedLines, Line, whole_lines
from tests.kg_data.batches.works import dying_at, squaring


class Lines(AppendedLines):
    """The results: `there` are the lines that it has."""

    def _open(self) -> None:
        content = whole_lines(self.path.read_bytes()) if self.path.exists() else b""
        self.there = content.count(b"\n")
        self._begin(len(content))


def main() -> None:
    out, count, seconds, engine = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    accident = partial(dying_at, int(sys.argv[5])) if len(sys.argv) > 5 else None
    shards = ShardFolder.of(out)
    workers = Workers(2, "ray" if engine == "ray" else "local")
    with Lines(out) as results:
        kept: dict[str, Line] = shards.kept()
        keys = [str(number) for number in range(results.there, count)]
        left = [key for key in keys if key not in kept]
        opening = partial(squaring, accident, seconds)
        fresh = lines_by_workers(opening, left, [*map(int, left)], shards.path, workers, lambda further: None)
        for line in in_order(keys, kept, fresh):
            results.append(line)
    shards.drop()
    print(len(left))


if __name__ == "__main__":
    main()
