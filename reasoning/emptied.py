"""Where an empty answer became empty: what a person needs to know before taking "nothing" for an answer."""

from __future__ import annotations

from collections.abc import Sequence

from reasoning.answer import StepResult
from reasoning.binding import BoundChain


def emptied_by(chain: BoundChain, steps: Sequence[StepResult]) -> StepResult | None:
    """The step at which an empty answer became empty: its inputs that matter still held something.

    Args:
        chain: the chain that was run.
        steps: its steps as they were done.

    Returns:
        The step; None where the answer is not empty, or a step failed.
    """
    if chain.result is None or any(step.error is not None for step in steps):
        return None
    results = {step.step.position: step for step in steps}
    step = results.get(chain.result)
    while step is not None and not len(step.members):
        operation = step.step.step.operation
        # Of a union every input is empty then; of the others one empty input is enough, of a difference the first.
        deciding = step.step.inputs[:1] if operation == "difference" else step.step.inputs
        empty = (
            results[ref] for ref in deciding if ref is not None and ref in results and not len(results[ref].members)
        )
        before = next(empty, None)
        if before is None or operation == "complement":
            return step
        step = before
    return None


def emptied_note(chain: BoundChain, steps: Sequence[StepResult]) -> str | None:
    """The same in words; None where no step made the answer empty."""
    step = emptied_by(chain, steps)
    if step is None:
        return None
    return (
        f"the answer is empty since step {step.step.position + 1} of {len(chain)} found nothing: {step.question} "
        "What the graph does not say may still be true"
    )
