"""A step of a chain as a question in English, with the earlier answers put in."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kg_data.supplied import supplies
from reasoning.execution import step_result
from reasoning.graph.index import Ids
from reasoning.graph.spelling import label_words
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundStep
from reasoning.wording.value_text import comparison_words, extreme_words
from reasoning.wording.verbalise import forward_phrase, having_phrase, inverse_phrase, led_from_phrase, number_words

MOST_NAMES = 5


@supplies(step_result.sub_question)
def sub_question(kg: KnowledgeGraph, step: BoundStep, inputs: Sequence[Ids]) -> str:
    """E.g. "What is the capital of France, Spain and 3 more?"; long sets are cut with their size told."""
    sets = [_set(kg, members) for members in inputs]
    operation, relation = step.step.operation, step.relation
    words = "" if relation is None else label_words(kg.label(relation))
    if operation == "project":
        assert relation is not None
        everything = len(inputs[0]) == kg.universe_size
        if relation.inverse:
            return f"What is there {having_phrase(words) if everything else inverse_phrase(words, sets[0])}?"
        phrase = forward_phrase(words, "anything" if everything else sets[0])
        return f"What is {phrase}?".replace("What is what ", "What is it that ", 1)
    if operation == "intersect":
        return f"What do {' and '.join(f'({part})' for part in sets)} have in common?"
    if operation == "union":
        return f"What is in any of {' or '.join(f'({part})' for part in sets)}?"
    if operation == "difference" and (step.inputs[0], step.anchors[0]) == (step.inputs[1], step.anchors[1]):
        return f"What is at once in ({sets[0]}) and not in it?"
    if operation == "difference":
        return f"What of ({sets[0]}) is not in ({sets[1]})?"
    if operation == "complement" and not len(inputs[0]):
        return "What is there at all?"
    if operation == "complement":
        return f"What is not in ({sets[0]})?"
    if operation == "count":
        return f"How many are in ({sets[0]})?"
    if operation == "exists":
        return f"Is there anything in ({sets[0]})?"
    if operation == "every":
        assert relation is not None
        source = f"every one of ({sets[0]})"
        return f"What is there {led_from_phrase(words, source) if relation.inverse else inverse_phrase(words, source)}?"
    if operation == "name_starts":
        return f'Which of ({sets[0]}) have a name that begins with "{step.step.prefix}"?'
    if step.step.formula is not None:
        formula = number_words(step.step.formula, kg)
        words = re.sub(r"#(\d+)", lambda place: _input(step, sets, int(place[1]) - 1), formula)
    elif relation is not None:
        words = f"the {words}"
    if operation == "number":
        return f"What is {words}?"
    if operation == "measure":
        return f"What is {words} for each of ({sets[0]})?"
    if operation == "aggregate":
        return f"What is the {step.step.kind} of {words} over ({sets[0]})?"
    column = None if relation is None else kg.literals[relation.index]
    if operation == "compare":
        assert step.step.operator is not None
        value = step.step.value if step.step.value is not None else _input(step, sets, len(sets) - 1)
        return f"For which of ({sets[0]}) is {words} {comparison_words(step.step.operator, value, column)}?"
    which, have = ("one", "has") if step.step.k == 1 else (f"{step.step.k:,}", "have")
    extreme = f"{extreme_words(step.step.largest, column)} {words.removeprefix('the ')}"
    return f"Which {which} of ({sets[0]}) {have} the {extreme}?"


def _input(step: BoundStep, sets: Sequence[str], place: int) -> str:
    """An input within a formula: the step whose number it is, or its set."""
    ref = step.inputs[place]
    return f"the result of step {ref + 1}" if place in step.number_places and ref is not None else f"({sets[place]})"


def _set(kg: KnowledgeGraph, members: Ids) -> str:
    if not len(members):
        return "nothing"
    if len(members) == kg.universe_size:
        return "everything"
    shown = ", ".join(kg.name(int(entity)) for entity in members[:MOST_NAMES])
    rest = len(members) - MOST_NAMES
    return f"{shown} and {rest:,} more" if rest > 0 else shown
