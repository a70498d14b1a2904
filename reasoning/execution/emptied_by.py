"""Where an empty answer became empty: what a person needs to know before taking "nothing" for an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from reasoning.graph.index import Ids
from reasoning.query.binding import BoundChain

if TYPE_CHECKING:  # an answer holds a reading, and a reading by a model asks here
    from reasoning.execution.step_result import StepResult


def emptied_position(chain: BoundChain, members: Mapping[int, Ids]) -> int | None:
    """The position of the step at which an answer became empty: its inputs that matter still held something.

    Args:
        chain: the chain that was run.
        members: what each step found, by its position.

    Returns:
        The position; None where the answer is not empty.
    """
    position = chain.result
    steps = {step.position: step for step in chain}
    while position is not None and position in members and not len(members[position]):
        operation = steps[position].step.operation
        # Of a union every input is empty then; of the others one empty input is enough, of a difference the first.
        deciding = steps[position].inputs[:1] if operation == "difference" else steps[position].inputs
        before = next((ref for ref in deciding if ref is not None and ref in members and not len(members[ref])), None)
        if before is None or operation == "complement":
            return position
        position = before
    return None


def emptied_by(chain: BoundChain, steps: Sequence[StepResult]) -> StepResult | None:
    """The step at which an empty answer became empty; None where the answer is not empty, or a step failed."""
    if any(step.error is not None for step in steps):
        return None
    results = {step.step.position: step for step in steps}
    position = emptied_position(chain, {at: step.members for at, step in results.items()})
    return None if position is None else results[position]


def emptied_note(chain: BoundChain, steps: Sequence[StepResult]) -> str | None:
    """The same in words; None where no step made the answer empty."""
    step = emptied_by(chain, steps)
    if step is None:
        return None
    return (
        f"the answer is empty since step {step.step.position + 1} of {len(chain)} found nothing: {step.question} "
        "What the graph does not say may still be true"
    )
