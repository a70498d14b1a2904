"""Where the answer of a query that a model wrote becomes empty, so that the model may look at it again."""

from __future__ import annotations

from reasoning.execution.conclusion import emptying_position
from reasoning.execution.exact import execute
from reasoning.execution.step_set import inputs_of
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import bind
from reasoning.query.tree import Query
from reasoning.wording.sub_question import sub_question


def emptied(query: Query, kg: KnowledgeGraph) -> str:
    """At which step a query's answer becomes empty, "" where it does not.

    None and "no" are good answers to questions of how many and whether; only a relation that leads nowhere is then
    likely to be the wrong one, or to be followed the wrong way.

    Raises:
        SkylarkError: the query cannot be executed.
    """
    chain = bind(query, kg)
    results = execute(kg, chain)
    members = {step.position: result.members for step, result in zip(chain, results, strict=True)}
    at = next((step.position for step in chain if not len(members[step.position])), None)
    if results[-1].value is None:
        at = emptying_position(chain, members)
    elif results[-1].value or at is None or chain.steps[at].step.operation != "project":
        return ""
    if at is None:
        return ""
    asked = sub_question(kg, chain.steps[at], inputs_of(chain.steps[at], results))
    return f"the answer is empty since step {at + 1} of {len(chain)} found nothing: {asked}"
