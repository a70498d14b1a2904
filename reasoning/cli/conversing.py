"""`ask` without a question: questions one after another, each of which may refer to the answer before.

In a terminal it is a prompt; of a file or another program's output each line is a question, and each gets one line.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from kg_data.command_line import OK, USAGE, as_json
from kg_data.errors import SkylarkError
from kg_data.visible import visible, visible_lines
from reasoning.answer import Answer
from reasoning.query.read_question import QuestionError
from reasoning.reasoner import Reasoner
from reasoning.wording.answer_text import answer_words, choice_lines

PROMPT = "> "

GREETING = 'Ask; a further question may refer to the last answer ("and its population?"). An empty line ends.'


def converse(reasoner: Reasoner, as_objects: bool) -> int:
    """Answer the lines of standard input.

    Args:
        reasoner: answers them.
        as_objects: print a JSON object a line.

    Returns:
        The exit code: that of a usage error where a line that did not come from a terminal had no answer.
    """
    in_terminal = sys.stdin.isatty()
    if in_terminal:
        print(GREETING, file=sys.stderr)
    last: Answer | None = None
    answered = True
    for question in _typed() if in_terminal else _piped():
        try:
            last = reasoner.answer(question, previous=last)
        except SkylarkError as error:
            answered = False
            _say_why(question, error, reasoner, as_objects)
            continue
        if as_objects:
            _print_object({"question": question, **last.to_dict()})
        elif in_terminal:
            print(answer_words(last))
        else:
            print(visible(last.sentence or f"No answer: {last.error}"), flush=True)
            for note in last.notes:
                print(visible(f"note: {note}"), file=sys.stderr)
    return OK if answered or in_terminal else USAGE


def _typed() -> Iterator[str]:
    """The lines that are typed, until an empty one."""
    with suppress(ImportError):
        import readline  # noqa: F401  # gives `input` a history and keys to edit with
    with suppress(EOFError):
        while line := input(PROMPT).strip():
            yield line


def _piped() -> Iterator[str]:
    """The lines that hold anything."""
    return filter(None, map(str.strip, sys.stdin))


def _say_why(question: str, error: SkylarkError, reasoner: Reasoner, as_objects: bool) -> None:
    """Say why a question has no answer, and what it may mean; the answer before it stays the last one."""
    understood = error.reading if isinstance(error, QuestionError) else None
    if as_objects:
        of_reading = {} if understood is None else understood.to_dict(reasoner.kg)
        _print_object({**of_reading, "question": question, "error": str(error)})
    lines = [] if understood is None else choice_lines(understood, reasoner.kg, "It may mean")
    for line in (visible_lines(f"error: {error}"), *lines):
        print(line, file=sys.stderr)


def _print_object(shown: dict[str, Any]) -> None:
    print(as_json(shown, indent=None), flush=True)
