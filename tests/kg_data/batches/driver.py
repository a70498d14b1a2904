"""A run of its own that squares numbers by two workers and appends them to a file, to be killed.

    python -m tests.kg_data.batches.driver FILE COUNT SECONDS ENGINE [POISON]

Each number takes SECONDS, and a worker that comes to POISON is killed. Prints how many were left to be done.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

from kg_data.batches.lines import lines_of, progress_bar
from kg_data.batches.run_files import RunFile
from kg_data.batches.shards import Workers, read_line
from skylark.errors import SkylarkError
from skylark.files import Line
from tests.kg_data.batches.works import dying_at, squaring


class Squares(RunFile):
    """The lines of the first numbers; its settings are not kept."""

    refusal = SkylarkError

    def _may_go_on(self, content: bytes) -> bool:
        return bool(content or self.kept)

    def _read(self, content: bytes) -> list[Line]:
        return [read_line(self.path, text, number) for number, text in enumerate(content.split(b"\n")[:-1], start=1)]

    def _begin_anew(self) -> None:
        self._begin(0)


def main() -> None:
    out, count, seconds, engine = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    opening = partial(squaring, partial(dying_at, int(sys.argv[5]), None) if len(sys.argv) > 5 else None, seconds)
    workers = Workers(2, "ray" if engine == "ray" else "local")
    left: list[int] = []

    def bar(count_left: int) -> Any:
        left.append(count_left)
        return progress_bar("number", count, False, count_left)

    with Squares(out, {}, resume=True) as results:
        numbers = range(len(results.done), count)
        keys = [str(number) for number in numbers]
        for line in lines_of(opening(), keys, numbers, results.kept, results.shards, workers, bar, opening):
            results.append(line)
        results.shards.drop()
    print(*left)


if __name__ == "__main__":
    main()
