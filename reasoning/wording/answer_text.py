"""An answer as text for a terminal and as JSON: what was understood, what came out, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kg_data.supplied import supplies
from kg_data.visible import visible
from reasoning.answer import Answer
from reasoning.execution.step_result import StepResult
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.usage import NO_USAGE
from reasoning.query.read_question import ReadQuestion
from reasoning.query.tree import Value, json_value
from reasoning.wording.query_tree import tree_of
from reasoning.wording.sentence import MOST_NAMED
from reasoning.wording.value_text import confidence_words, given_words, readable_of

MOST_ANSWERS = 50
MOST_IN_STEP = 5
MOST_EVIDENCE = 10


def answer_text(answer: Answer) -> str:
    """The answer in full sentences and lists, without a final line break."""
    return "\n".join(map(visible, _lines(answer)))


@supplies(Answer.__str__)
def answer_words(answer: Answer) -> str:
    """See `Answer.__str__`."""
    return "\n".join(map(visible, _words(answer)))


@supplies(Answer.to_dict)
def answer_dict(answer: Answer) -> dict[str, Any]:
    """See `Answer.to_dict`."""
    answers: list[dict[str, Any]] = [
        {"entity": name, "id": identifier, "score": score}
        for name, identifier, score in zip(answer.entities, answer.ids, answer.scores, strict=True)
    ]
    if answer.values is not None:
        for entry, value in zip(answers, answer.values, strict=True):
            entry["value"] = json_value(value)
    shown = {
        "query": str(answer.query),
        "verbalised": answer.query.verbalise(answer.kg),
        "tree": tree_of(answer.query, answer.kg).to_dict(),
        "method": answer.method,
        "answers": answers,
        "value": json_value(answer.value),
        "sentence": answer.sentence,
        "sentence_parts": [part.to_dict() for part in answer.sentence_parts],
        "steps": [step.to_dict() for step in answer.steps],
        "evidence": [triple.to_list() for triple in answer.evidence],
        "evidence_total": answer.evidence_total,
        **_sources(answer),
        "notes": list(answer.notes),
        "usage": answer.usage.to_dict(),
        "error": answer.error,
    }
    if answer.soft is not None:
        shown["proofs"] = [proof.to_dict() for proof in answer.proofs]
    return shown if answer.understood is None else {**answer.understood.to_dict(answer.kg), **shown}


def _words(answer: Answer) -> Iterator[str]:
    if answer.error is not None:
        yield f"No answer: {answer.error}"
    else:
        yield answer.sentence
        if answer.value is None and len(answer.ranked) > MOST_NAMED:
            yield "All of them:"
            yield from _named(answer)
    yield from (f"Note: {note}" for note in answer.notes)


def _lines(answer: Answer) -> Iterator[str]:
    yield f"Query: {answer.query}"
    yield f"In words: {answer.query.verbalise(answer.kg)}"
    if answer.understood is not None:
        yield f"Probability that the question means it: {answer.understood.confidence:.2f}"
    yield "As a tree:"
    yield from tree_of(answer.query, answer.kg).lines("  ", "  ")
    yield from (f"Note: {note}" for note in answer.notes)
    if answer.understood is not None:
        yield from choice_lines(answer.understood, answer.kg, "It may also mean")
    yield ""
    if answer.sentence:
        yield answer.sentence
        yield ""
    if answer.error is not None:
        yield f"No answer: {answer.error}"
    elif answer.value is not None:
        yield f"Answer: {given_words(answer.kg, answer.steps[-1].step, answer.value, unit=True)}"
    else:
        yield from _answers(answer)
    if answer.steps:
        yield ""
        yield "Steps:"
        yield from (line for step in answer.steps for line in _step(step))
    if answer.evidence:
        yield ""
        yield f"Evidence ({_count(answer.evidence_total, 'triple')}):"
        for triple in answer.evidence[:MOST_EVIDENCE]:
            sure = "" if triple.known else f"  (not in the graph, confidence {confidence_words(triple.confidence)})"
            said = f"  [{'; '.join(map(visible, map(str, triple.sources)))}]" if triple.sources else ""
            yield f"  {triple.head} | {triple.relation} | {_tail(answer, triple.relation, triple.tail)}{sure}{said}"
        if (rest := answer.evidence_total - MOST_EVIDENCE) > 0:
            yield f"  and {rest:,} more"
    if answer.usage != NO_USAGE:
        yield ""
        yield f"Language model: {answer.usage}"


def _sources(answer: Answer) -> dict[str, Any]:
    """Where each triple of the evidence was found, where that is known of any."""
    if not any(triple.sources for triple in answer.evidence):
        return {}
    return {"sources": [[source.to_dict() for source in triple.sources] for triple in answer.evidence]}


def choice_lines(understood: ReadQuestion, kg: KnowledgeGraph, before: str) -> Iterator[str]:
    """What a person may choose from, as lines with `before` above them; none where there is nothing to choose."""
    if not understood.alternatives:
        return
    yield f"{before}:"
    for alternative in understood.alternatives:
        yield visible(f"  {alternative.words(kg)}")
        yield visible(f"    {alternative.probability:.2f}  {alternative.query}")


def _answers(answer: Answer) -> Iterator[str]:
    total = len(answer.ranked)
    if not total:
        yield "No answers."
        return
    yield f"{_count(total, 'answer')}:"
    yield from _named(answer)


def _named(answer: Answer) -> Iterator[str]:
    total = len(answer.ranked)
    for position in range(min(total, MOST_ANSWERS)):
        name = answer.kg.name(int(answer.ranked[position]))
        value = ""
        if answer.values is not None:
            value = f": {given_words(answer.kg, answer.steps[-1].step, answer.values[position], unit=True)}"
        score = answer.scores[position]
        sure = f"  ({confidence_words(score)})" if answer.soft is not None and score < 1 else ""
        yield f"  {name}{value}{sure}"
    if total > MOST_ANSWERS:
        yield f"  and {total - MOST_ANSWERS:,} more"


def _step(step: StepResult) -> Iterator[str]:
    if step.error is not None:
        outcome = f"failed: {step.error}"
    elif step.value is not None:
        outcome = given_words(step.kg, step.step, step.value, unit=True)
    else:
        outcome = _listed(step)
    # Set algebra needs no mark where everything is done by it.
    parts = f" in {step.parts_total} parts" if step.parts_total > 1 else ""
    by = "" if step.agrees is None else f", by the language model{parts}"
    by += ", not what the graph says" if step.agrees is False else ""
    yield f"  {step.step.position + 1}. {step.question}"
    yield f"     {outcome}{by}"


def _listed(step: StepResult) -> str:
    names = [step.kg.name(int(entity)) for entity in step.members[:MOST_IN_STEP]]
    if step.values is not None:
        values = [given_words(step.kg, step.step, value, unit=True) for value in step.values[:MOST_IN_STEP]]
        names = [f"{name} ({value})" for name, value in zip(names, values, strict=True)]
    shown = ", ".join(names)
    rest = len(step.members) - MOST_IN_STEP
    return f"{shown} and {rest:,} more" if rest > 0 else shown or "nothing"


def _tail(answer: Answer, relation: str, tail: str | Value) -> str:
    return tail if isinstance(tail, str) else readable_of(answer.kg, relation, tail, unit=True)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
