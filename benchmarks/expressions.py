"""Referring expressions and questions about a scene, read to logical queries.

    python -m benchmarks.expressions [FILE]

Each line of the list has an expression, what is asked of it, how many things are wanted ("one", a number, or "all"),
and the query in the scene's relations. It is right where the first reading agrees in all three. The reader was worked
on with the committed list, so its figure is a check that nothing was lost, not a measure of unseen words
(`benchmarks.grounding_accuracy` has those). Prints every miss; exits with 1 where there is any.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from reasoning import Query
from vision.classes import COCO_CLASSES, COCO_SUPERCATEGORIES, ClassMatcher
from vision.errors import InstructionError
from vision.reading.expressions.expressions import read_expression
from vision.scene.queries import expression_queries

LIST = Path(__file__).parent / "lists" / "expressions.jsonl"


def read_as(expression: str, matcher: ClassMatcher) -> dict[str, str]:
    """The first reading of an expression in the list's form, or the error that says why there is none."""
    try:
        read = read_expression(expression, matcher)
        first = next(expression_queries(read))
    except InstructionError as error:
        return {"error": str(error)}
    wanted = "one" if first.single else str(first.amount or "all")
    return {"question": read.question, "wanted": wanted, "query": str(first.query)}


def main() -> int:
    """Read the list, print what is read otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("file", nargs="?", type=Path, default=LIST, help="a list of the same form")
    lines = [json.loads(line) for line in parser.parse_args().file.read_text(encoding="utf-8").splitlines()]
    matcher, right = ClassMatcher(COCO_CLASSES, COCO_SUPERCATEGORIES), 0
    for line in lines:
        expected = {"question": line["question"], "wanted": line["wanted"], "query": str(Query.parse(line["query"]))}
        read = read_as(line["expression"], matcher)
        right += read == expected
        if read != expected:
            print(f"{line['expression']}\n    wanted {expected}\n    read   {read}")
    print(f"{right} of {len(lines)} right")
    return int(right < len(lines))


if __name__ == "__main__":
    sys.exit(main())
