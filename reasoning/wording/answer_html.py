"""An answer as a notebook shows it: the sentence, a table of the answers, and behind a fold what it rests on."""

from __future__ import annotations

from collections.abc import Iterator

from kg_data.markup import Element, element, html, table
from kg_data.supplied import supplies
from reasoning.answer import Answer, Evidence
from reasoning.wording.value_text import confidence_words, given_words, readable_of

MOST_ROWS = 20


@supplies(Answer._repr_html_)
def answer_html(answer: Answer) -> str:
    """See `Answer._repr_html_`."""
    return html(*_parts(answer))


def _parts(answer: Answer) -> Iterator[Element]:
    if answer.error is not None:
        yield element("p", element("strong", "No answer: "), answer.error)
    else:
        yield element("p", element("strong", answer.sentence))
        if answer.value is None and len(answer.ranked):
            yield _answers(answer)
    yield from (element("p", note) for note in answer.notes)
    yield element("p", "Query: ", element("code", str(answer.query)))
    if answer.evidence:
        shown = answer.evidence[:MOST_ROWS]
        triples = [_triple(answer, one) for one in shown]
        header = ["head", "relation", "tail", "in the graph"]
        if any(one.sources for one in shown):
            header.append("source")
            triples = [(*row, "; ".join(map(str, one.sources))) for row, one in zip(triples, shown, strict=True)]
        rest = f", {len(triples):,} of them shown" if answer.evidence_total > len(triples) else ""
        yield element(
            "details",
            element("summary", f"Evidence ({answer.evidence_total:,}{rest})"),
            table(header, triples),
        )


def _answers(answer: Answer) -> Element:
    """The first answers, with their values and confidences where they have any."""
    shown = range(min(len(answer.ranked), MOST_ROWS))
    columns = {"answer": [answer.kg.name(int(answer.ranked[at])) for at in shown]}
    if answer.values is not None:
        step = answer.steps[-1].step
        columns["value"] = [given_words(answer.kg, step, answer.values[at], unit=True) for at in shown]
    if answer.soft is not None:
        columns["confidence"] = [confidence_words(answer.scores[at]) for at in shown]
    whole = element("div", table([*columns], zip(*columns.values(), strict=True)))
    if (rest := len(answer.ranked) - MOST_ROWS) > 0:
        whole.append(element("p", f"and {rest:,} more"))
    return whole


def _triple(answer: Answer, one: Evidence) -> tuple[str, ...]:
    tail = one.tail if isinstance(one.tail, str) else readable_of(answer.kg, one.relation, one.tail, unit=True)
    return one.head, one.relation, tail, "yes" if one.known else f"no, confidence {confidence_words(one.confidence)}"
