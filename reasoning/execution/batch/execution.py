"""Running a program over a graph: areas that grow, and the answers as two arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reasoning.execution.batch.program import Program, can_compile
from reasoning.execution.exact import execute
from reasoning.graph.id_lists import IdLists
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.binding import BoundChain

SMALLEST_AREA = 1 << 12


class BatchExecutor:
    """Executes many chains over one graph; not to be shared between threads.

    The first run compiles the loop (about 4 s; the machine code is kept on disk for later processes).

    Args:
        kg: the graph.
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
        from reasoning.execution.batch import kernel

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
