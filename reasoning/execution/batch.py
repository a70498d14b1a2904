"""Batches of queries compiled to one program over integer columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, update_wrapper
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from reasoning.execution.exact import execute
from reasoning.graph.index import IdLists, Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundChain

PROJECT, INTERSECT, UNION, DIFFERENCE, COMPLEMENT = range(5)
OPCODES = {
    "project": PROJECT,
    "intersect": INTERSECT,
    "union": UNION,
    "difference": DIFFERENCE,
    "complement": COMPLEMENT,
}


class Program(NamedTuple):
    """q chains of s steps in all, with a inputs in all.

    Attributes:
        chains: int64, shape (q + 1,): chain i's steps are `chains[i]` up to `chains[i + 1]`.
        opcodes: int32, shape (s,).
        sides: int32, shape (s,): of a projection twice its relation, plus one where it is followed inversely.
        bounds: int64, shape (s + 1,): step j's inputs are `inputs[bounds[j]:bounds[j + 1]]`.
        inputs: int32, shape (a,): the position in its chain of an earlier step, or `-1 - entity` for an anchor.
    """

    chains: NDArray[np.int64]
    opcodes: Ids
    sides: Ids
    bounds: NDArray[np.int64]
    inputs: Ids

    @classmethod
    def compile(cls, chains: Iterable[BoundChain]) -> Program:
        """Lay chains out; each must be `can_compile`."""
        ends, opcodes, sides, bounds, inputs = [0], [], [], [0], []
        for chain in chains:
            for step in chain:
                opcodes.append(OPCODES[step.step.operation])
                relation = step.relation
                sides.append(0 if relation is None else 2 * relation.index + relation.inverse)
                for reference, anchor in zip(step.inputs, step.anchors, strict=True):
                    if anchor is not None:
                        inputs.append(-1 - anchor)
                    elif reference is not None:
                        inputs.append(reference)
                bounds.append(len(inputs))
            ends.append(len(opcodes))
        return cls(
            np.array(ends, dtype=np.int64),
            np.array(opcodes, dtype=np.int32),
            np.array(sides, dtype=np.int32),
            np.array(bounds, dtype=np.int64),
            np.array(inputs, dtype=np.int32),
        )

    @property
    def size(self) -> int:
        """How many chains there are."""
        return len(self.chains) - 1


def can_compile(chain: BoundChain) -> bool:
    """Whether a chain has steps, and nothing but set operations among them: values need the oracle."""
    return len(chain) > 0 and all(step.step.operation in OPCODES and not step.gives_values for step in chain)


F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """The function as machine code, compiled at its first call and kept on disk for later processes."""
    return cast(F, _Compiled(function))


class _Compiled:
    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        update_wrapper(self, function)

    def __call__(self, *arguments: Any) -> Any:
        return self.machine_code(*arguments)

    @cached_property
    def machine_code(self) -> Callable[..., Any]:
        """The compiled function; the compiled functions that it calls take their places in its module's globals."""
        from numba import njit

        names = self._function.__globals__
        for name in self._function.__code__.co_names:
            if isinstance(called := names.get(name), _Compiled):
                names[name] = called.machine_code
        try:
            return cast(Callable[..., Any], njit(cache=True, nogil=True)(self._function))
        except RuntimeError:  # there is no place that may be written to
            return cast(Callable[..., Any], njit(nogil=True)(self._function))


SMALLEST_AREA = 1 << 12


class BatchExecutor:
    """Executes many chains over one graph; not to be shared between threads.

    The first run compiles the loop (about 4 s; the machine code is kept on disk for later processes).
    """

    def __init__(self, kg: KnowledgeGraph) -> None:
        self._kg = kg
        self._sets = np.empty(max(SMALLEST_AREA, 4 * kg.entity_count), dtype=np.int32)
        self._words = np.zeros(-(-kg.entity_count // 64), dtype=np.uint64)
        self._summary = np.zeros(-(-len(self._words) // 64), dtype=np.uint64)

    @property
    def nbytes(self) -> int:
        """Bytes of the areas it works in; the graph's own arrays are not copied."""
        return self._sets.nbytes + self._words.nbytes + self._summary.nbytes

    def execute(self, chains: Sequence[BoundChain]) -> IdLists:
        """The answer set of each chain, sorted; those with values or without steps go to the oracle one by one."""
        compiled = [can_compile(chain) for chain in chains]
        program = Program.compile(chain for chain, yes in zip(chains, compiled, strict=True) if yes)
        answers = self.run(program)
        if all(compiled):
            return answers
        sets, position = [], 0
        for chain, yes in zip(chains, compiled, strict=True):
            if yes:
                sets.append(answers[position])
                position += 1
            elif chain.anchor is not None:
                sets.append(np.array([chain.anchor], dtype=np.int32))
            else:
                sets.append(execute(self._kg, chain)[-1].members)
        return IdLists.of(sets)

    def run(self, program: Program) -> IdLists:
        """The answer set of each chain of a program, sorted."""
        from reasoning.execution import batch_kernel as kernel

        forward, backward = (
            kernel.Side(*[_read_only(array) for array in (side.row_bounds, side.sources, side.starts, side.targets)])
            for side in (self._kg.index.whole.forward, self._kg.index.whole.backward)
        )
        registers = np.zeros((int(np.diff(program.chains).max(initial=1)), 3), dtype=np.int64)
        given = np.zeros((int(np.diff(program.bounds).max(initial=2)), 3), dtype=np.int64)
        offsets = np.zeros(program.size + 1, dtype=np.int64)
        answers = np.empty(max(SMALLEST_AREA, 16 * program.size), dtype=np.int32)
        done, why = 0, -1
        while why != kernel.DONE:
            areas = kernel.Areas(self._sets, _read_only(self._sets), self._words, self._summary, registers, given)
            done, why = kernel.run(
                done, program, forward, backward, _read_only(self._kg.universe), self._kg.entity_count,
                areas, answers, offsets,
            )  # fmt: skip
            if why == kernel.WORK_IS_FULL:
                self._sets = np.empty(2 * len(self._sets), dtype=np.int32)
            elif why == kernel.ANSWERS_ARE_FULL:
                answers = np.concatenate((answers, np.empty_like(answers)))
        return IdLists(answers[: offsets[-1]].copy(), offsets)


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    # The loop is compiled once, for plain read-only arrays; a memory map would be a type of its own.
    view = np.asarray(array).view(np.ndarray)
    view.flags.writeable = False
    return view


__all__ = ["BatchExecutor", "Program"]
