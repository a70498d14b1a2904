"""What decides the lines of a run: two runs may share a results file only where all of it is equal."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import kg_data
from kg_data.installation import version
from reasoning.evaluation.method import MethodEvaluation
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.hosted.providers import display_name
from reasoning.language.marking.adapters import adapter_digest, folder_digest
from reasoning.language.readers import MODEL
from reasoning.reading.options import ReadingOptions
from reasoning.reasoner import Reasoner


def run_settings(evaluation: MethodEvaluation, reasoner: Reasoner, llm_matters: bool) -> dict[str, Any]:
    """Graph, limit, method, language model and its options, Skylark's version; None for what the method does not use.

    Args:
        evaluation: the graph, the language model and the limit as they were asked for.
        reasoner: the method over that graph.
        llm_matters: whether the language model decides the lines of method exact too.
    """
    asks = reasoner.asks_llm
    reads = {field.name for field in fields(ReadingOptions)} if llm_matters and reasoner.reader is not None else set()
    deciding = reasoner.options.deciding().items()
    options = {key: value if asks or key in reads else None for key, value in deciding}
    options["reader"] = _reader(reasoner.options.reader) if llm_matters else None
    options["sure_from"] = reasoner.options.sure_from if llm_matters else None
    llm = evaluation.llm if isinstance(evaluation.llm, str) else display_name(evaluation.llm)
    return {
        "kg": graph_setting(evaluation.kg),
        "kg_digest": graph_digest(reasoner.kg),
        "limit": evaluation.limit,
        "method": reasoner.method,
        "llm": llm if asks or llm_matters else None,
        "adapter_digest": adapter_digest(reasoner.llm) if asks else None,
        **options,
        **reasoner.answering.deciding(),
        "version": version(),
    }


def _reader(reader: str) -> str:
    """The reader of questions, with what tells an adapter from another one in the same folder."""
    return reader if reader == MODEL else f"{reader} ({folder_digest(Path(reader))})"


def graph_setting(kg: str | Path | KnowledgeGraph) -> str:
    """A graph's full path, or the name of a built-in one or of one that is open already."""
    if isinstance(kg, KnowledgeGraph):
        return kg.graph_name
    source = kg_data.resolve(kg)
    return source.name if source.path is None else str(source.path.resolve())


def graph_digest(kg: KnowledgeGraph) -> str:
    """A hex digest of a graph's splits, triples, names and values: whether two runs had the same graph."""
    values = [(column.relation, column.kind, column.unit) for column in kg.literals]
    total = hashlib.sha256(repr((sorted(kg.splits), kg.relation_ids, kg.relation_labels, values)).encode())
    forward = kg.index.forward
    arrays: list[NDArray[Any]] = [forward.bounds, forward.sources, forward.starts, forward.targets, kg.names.entities]
    for strings in (kg.entity_ids, kg.entity_labels, kg.names.keys):
        arrays += [strings.blob, strings.offsets]
    for column in kg.literals:
        arrays += [column.entities, column.values]
    for array in arrays:
        total.update(f"{array.dtype} {len(array)}\0".encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()[:16]
