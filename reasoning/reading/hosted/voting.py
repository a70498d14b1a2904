"""From what a language model wrote in several samples, and what the grammar read, to one reading.

Self-consistency (Wang et al. 2023, arXiv 2203.11171): samples vote by the answers that their queries give, since one
question has many right queries. The grammar settles ties; where it cannot, the person who asks does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace

from reasoning.errors import quoted_list
from reasoning.execution.exact import execute
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import bind
from reasoning.query.read_question import Reading, ReadQuestion
from reasoning.query.tree import Query
from reasoning.reading.anchors import anchors, differing
from reasoning.reading.hosted.structured import Written, outcome

SURE = 0.9
"""From this confidence on the grammar read each word as what it says: one model's reply does not outvote that."""

OFFERED = 0.8
"""What a model finds unanswerable is only offered in a reading of the grammar's that is as likely as this."""


def decided(
    question: str, kg: KnowledgeGraph, model: str, samples: int, written: Sequence[Written], by_grammar: ReadQuestion
) -> ReadQuestion:
    """The reading that most samples agree on.

    Its confidence is the part of all readings, the grammar's among them, that give its answer.

    Args:
        question: as asked.
        kg: the graph that is asked.
        model: its name, for notes.
        samples: readings that the model gave, with those that came to nothing.
        written: those that came to something, at least one.
        by_grammar: what the question is understood as without a language model.
    """
    groups: dict[Hashable, list[Written]] = {}
    for one in written:
        groups.setdefault(one.gives, []).append(one)
    own = _outcome(by_grammar.query, kg)
    most = max(map(len, groups.values()))
    leading = [gives for gives, group in groups.items() if len(group) == most]
    sure = own is not None and by_grammar.confidence >= SURE
    if own is not None and own in leading:
        leading = [own]
    elif sure and most == 1 and leading != [None]:
        leading.append(own)

    def share(gives: Hashable) -> float:
        return (len(groups.get(gives, ())) + (own is not None and gives == own)) / (samples + 1)

    options = [(gives, _reading(group, share(gives))) for gives, group in groups.items() if gives is not None]
    if own is not None and own not in groups and by_grammar.query is not None:
        options.append((own, Reading(by_grammar.query, by_grammar.assumed, share(own))))
    options.sort(key=lambda option: -option[1].probability)
    if len(leading) > 1:
        queries = [str(option.query) for _, option in options]
        problem = f"could not read the question: it may mean {quoted_list(queries[:3])}; say which"
        alternatives = tuple(option for _, option in options)
        return ReadQuestion(question, None, 0.0, 0.0, alternatives, problem=problem)
    winner = leading[0]
    alternatives = tuple(option for gives, option in options if gives != winner)
    if winner is None:
        if by_grammar.confidence < OFFERED:
            alternatives = tuple(option for gives, option in options if gives in groups)
        problem = f"could not read the question: {model} finds it unanswerable: {groups[None][0].unanswerable}"
        return ReadQuestion(question, None, 0.0, 0.0, alternatives, problem=problem)
    chosen = next(option for gives, option in options if gives == winner)
    if by_grammar.query is None and _asked_which(by_grammar, chosen.query):
        return by_grammar
    others = [share(gives) for gives in {*groups, own} - {winner, None}] + ([share(None)] if None in groups else [])
    margin = max(0.0, chosen.probability - max(others)) if others else 1.0
    read = ReadQuestion(question, chosen.query, chosen.probability, margin, alternatives, chosen.assumed)
    if most < samples:
        read = replace(read, assumed=(*read.assumed, f"{most} of {samples} readings of {model} give this answer"))
    return read


def _asked_which(by_grammar: ReadQuestion, query: Query) -> bool:
    """Whether the grammar asks which of several namesakes is meant, and a query takes one: no model knows either."""
    names = differing(*(option.query for option in by_grammar.to_choose[:2]))
    return any(name in names for name in anchors(query))


def _reading(group: Sequence[Written], probability: float) -> Reading:
    """The query that most of a group with one answer wrote, the first of those as frequent."""
    query, _ = Counter(one.query for one in group).most_common(1)[0]
    assert query is not None
    assumed = next(one.assumed for one in group if one.query == query)
    return Reading(query, assumed, probability)


def _outcome(query: Query | None, kg: KnowledgeGraph) -> Hashable:
    if query is None:
        return None
    chain = bind(query, kg)
    return outcome(query, chain, execute(kg, chain))
