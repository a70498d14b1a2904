"""The exact answer: how the question was read, and a table of what the graph says; where it says nothing, why."""

from __future__ import annotations

from urllib.parse import urlencode

from app.graph.answer_table import table_html
from app.graph.asking import Asked
from app.graph.likely.answer import AnswerWithLikely
from app.graph.likely.predictors import PredictedGraph
from app.graph.likely.view import likely_note, said_by
from app.graph.own_graphs import is_own
from app.graph.tree_view import tree_html
from app.server.markup import counted, heading, muted, name, names, seconds_text, shortened, table, text
from reasoning.answer import Answer, Evidence, SentencePart
from reasoning.execution.conclusion import emptiness_note, emptying_step
from reasoning.wording.value_text import readable, readable_of

_WHY_EMPTY = {
    "project": "the graph holds no fact that leads on from there",
    "intersect": "these share no entity",
    "difference": "the second takes away all of the first",
    "compare": "no value passes the comparison",
    "top": "none of these has a value",
}


def understood_html(asked: Asked) -> str:
    """The query in words, in the grammar, and what was assumed."""
    words = asked.query.verbalise(asked.answer.kg)
    # At which step it became empty stands with the answer.
    told = [note for note in asked.notes if note != emptiness_note(asked.answer.chain, asked.answer.steps)]
    notes = "".join(f'<p class="sk-note">Note: {text(note)}</p>' for note in told)
    return (
        '<div class="sk-understood"><p><span class="sk-label">Understood as</span> '
        f'<span id="understood_words">{text(words)}</span></p>'
        '<p><span class="sk-label">In the grammar</span> '
        f'<code id="understood_query">{text(asked.query)}</code></p>{notes}</div>'
    )


def tree_section_html(asked: Asked) -> str:
    """The tree, in its scrolling frame."""
    tree = tree_html(asked.query, asked.answer.kg)
    return f'<div class="sk-scroll" tabindex="0" role="region" aria-label="The query as a tree">{tree}</div>'


def answer_html(asked: Asked) -> str:
    """What exact execution found and how long it took."""
    answer = asked.answer
    took = muted(
        f"By exact execution over {name(answer.kg.graph_name)}, in {seconds_text(asked.exact_seconds)}; "
        f"reading the question took {seconds_text(asked.read_seconds)}."
    )
    return (
        f'<div class="sk-answer" data-graph="{text(asked.graph)}" data-query="{text(asked.query)}">'
        f'{sentence_html(answer)}{_headline(answer)}<div class="sk-rows">{table_html(answer)}</div>'
        f"{_nothing(answer)}{took}{tools_html(asked)}</div>"
    )


def answer_with_likely_html(asked: Asked, answer: AnswerWithLikely, graph: PredictedGraph) -> str:
    """What exact execution found, then what is likely, told apart; the graph's own word stays as it is."""
    likely = "".join([_part(part) for part in answer.likely_parts])
    sentence = f'<p class="sk-sentence sk-likely" id="likely_sentence">{likely}</p>' if likely else ""
    found = len(answer.ranked) - answer.known
    more = f'<span class="sk-likely-count"> and {found:,} likely</span>' if found else ""
    return (
        f'<div class="sk-answer" data-graph="{text(asked.graph)}" data-query="{text(asked.query)}" '
        f'data-least="{answer.least:g}">{heading("What the graph says, and what is likely")}'
        f"{sentence_html(asked.answer)}{sentence}{_headline(asked.answer, more)}"
        f'<div class="sk-rows">{table_html(answer)}</div>{_nothing(asked.answer)}{likely_note(answer, graph)}'
        f"{tools_html(asked, answer.least)}</div>"
    )


def sentence_html(answer: Answer) -> str:
    """The answer in a sentence; what rests on facts is a button that shows them in the table of the evidence."""
    parts = "".join([_part(part) for part in answer.sentence_parts])
    return f'<p class="sk-sentence" id="sentence">{parts}</p>' if parts else ""


def _part(part: SentencePart) -> str:
    shown = name(part.text) if part.entity is not None else text(part.text.strip() if part.evidence else part.text)
    if not part.evidence:
        return shown
    facts = " ".join(map(str, part.evidence))
    start = len(part.text) - len(part.text.lstrip())
    before, after = part.text[:start], part.text[len(part.text.rstrip()) :]
    # A real button would stand in the sentence as a block that does not wrap.
    return (
        f'{text(before)}<span role="button" tabindex="0" class="sk-rests" data-facts="{facts}" '
        f'title="{counted(len(part.evidence), "fact")} behind this">{shown}</span>{text(after)}'
    )


def _headline(answer: Answer, more: str = "") -> str:
    if isinstance(answer.value, bool) or _is_count(answer):
        told = readable(answer.value) if answer.value is not None else ""
        return f'<p class="sk-headline" id="answer_headline">{text(told)}{more}</p>'
    return f'<p class="sk-headline" id="answer_headline">{counted(len(answer.ranked), "answer")}{more}</p>'


def _is_count(answer: Answer) -> bool:
    return bool(answer.steps) and answer.steps[-1].step.step.operation == "count"


def tools_html(asked: Asked, least: float | None = None) -> str:
    """The answer as files, and a link to the question; a visitor's own graph is nobody else's to link to.

    Args:
        asked: the question.
        least: confidence of the least likely answers that are shown; None where only the graph is asked.
    """
    files = "".join(
        f'<button type="button" class="sk-tool" data-form="{form}" aria-label="Save the answer as {form.upper()}" '
        f'title="Save the answer as {form.upper()}">{form.upper()} ↓</button>'
        for form in ("csv", "json")
    )
    said = '<span class="sk-said" role="status"></span>'
    if is_own(asked.graph):
        return f'<div class="sk-tools">{files}{said}</div>' + muted(
            "There is no link to this answer: your own graph is gone once you leave."
        )
    link = text(urlencode({"graph": asked.graph, "q": asked.text} | ({} if least is None else {"least": f"{least:g}"})))
    button = f'<button type="button" class="sk-tool" data-link="{link}">Copy link</button>'
    return f'<div class="sk-tools">{files}{button}{said}</div>'


def _nothing(answer: Answer) -> str:
    """Why there is nothing: the step at which the sets became empty."""
    if len(answer.ranked):
        return ""
    step = emptying_step(answer.chain, answer.steps)
    if step is None:
        return muted("Nothing in this graph fits the question.")
    number = f"Step {step.step.position + 1} of {len(answer.chain)}"
    given = [
        f"{text(shortened(step.kg.name(int(part[0])), 60))}"
        if len(part) == 1
        else counted(len(part), "entity", "entities")
        for part in step.inputs
    ]
    why = _WHY_EMPTY.get(step.step.step.operation, "nothing in the graph fits")
    return (
        f'<div class="sk-nothing" id="nothing"><p><strong>{number} became empty:</strong> {text(step.question)}</p>'
        f"<p>It was given {' and '.join(given)}, and {why}. What the graph does not say may still be true.</p></div>"
    )


def evidence_table_html(answer: Answer) -> str:
    """The facts behind the answer as a table, folded up until it is asked for."""
    facts = answer.evidence
    if not facts:
        return muted("No facts to show: the answer rests on none, or on what the graph does not say.")
    rows = [
        [f'<span data-fact="{number}">{name(fact.head)}</span>', text(fact.relation), name(_tail(answer, fact))]
        for number, fact in enumerate(facts)
    ]
    header = ["Subject", "Relation", "Object or value"]
    predicted = not all(fact.known for fact in facts)
    if predicted:
        # Who says so stands in words, and the line of what is predicted is dashed as in the picture.
        said = '<span class="{}">{}</span>'
        header.append("Said by")
        for row, fact in zip(rows, facts, strict=True):
            row.append(said.format("sk-stated" if fact.known else "sk-guessed", said_by(fact)))
    more = (
        muted(f"The first {len(facts)} of {answer.evidence_total:,} are shown.")
        if answer.evidence_total > len(facts)
        else ""
    )
    caption = "The facts and predicted edges behind the answers" if predicted else "The facts behind the answer"
    summary = "The facts and predicted edges as a table" if predicted else "The facts as a table"
    return f'<details id="evidence_facts"><summary>{summary}</summary>{table(caption, header, rows)}{more}</details>'


def _tail(answer: Answer, fact: Evidence) -> str:
    return fact.tail if isinstance(fact.tail, str) else readable_of(answer.kg, fact.relation, fact.tail)


def answers_in_words(answer: Answer) -> str:
    """The answer as a phrase of HTML, for comparison with another."""
    if answer.value is not None and not len(answer.ranked):
        return text(readable(answer.value))
    return names((answer.kg.name(int(entity)) for entity in answer.ranked), len(answer.ranked))
