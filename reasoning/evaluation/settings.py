"""What decides the lines of a run: two runs may share a results file only where all of it is equal."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import kg_data
from kg_data.batches.identity import code_digest
from kg_data.installation import version
from reasoning.evaluation.method import MethodEvaluation
from reasoning.graph.changing.changes import merged
from reasoning.graph.changing.head import is_store
from reasoning.graph.endpoint.address import Address, names_endpoint
from reasoning.graph.entities import StoredEntities
from reasoning.graph.index import Ids
from reasoning.graph.store import KnowledgeGraph
from reasoning.language.embedded import EmbeddedChatModel
from reasoning.language.hosted.providers import display_name
from reasoning.language.local_weights import weights_digest
from reasoning.language.marking.adapters import adapter_digest
from reasoning.language.readers import adapter_folder, folder_digest
from reasoning.reading.model.loading import PACKAGED
from reasoning.reading.options import ReadingOptions
from reasoning.reasoner import Reasoner


def run_settings(evaluation: MethodEvaluation, reasoner: Reasoner, llm_matters: bool) -> dict[str, Any]:
    """Graph, limit, method, language model and its options, weights, code; None for what the method does not use.

    Who does the work is none of it: a run may go on with another number of workers.

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
        "weights_digest": _weights(reasoner, asks, llm_matters and reasoner.reader is None),
        **options,
        **reasoner.answering.deciding(),
        "version": version(),
        "code": code_digest("kg_data", "reasoning"),
    }


def _reader(reader: str) -> str:
    """The reader of questions, with what tells an adapter from another one in the same folder."""
    return f"{reader} ({folder_digest(adapter_folder(reader, PACKAGED))})"


def _weights(reasoner: Reasoner, asks: bool, reads: bool) -> str | None:
    """What tells the weights of the models in this process that answer or read from others; None where none does."""
    sources: list[str | None] = [None] if reads else []
    if asks and isinstance(reasoner.llm, EmbeddedChatModel):
        sources.append(reasoner.llm.source)
    return " ".join(weights_digest(source) for source in dict.fromkeys(sources)) or None


def graph_setting(kg: str | Path | KnowledgeGraph) -> str:
    """A graph's full path, or the name of a built-in one or of one that is open already."""
    if isinstance(kg, KnowledgeGraph):
        return kg.graph_name
    if names_endpoint(kg):
        return Address.of(str(kg)).name
    if is_store(kg):
        return str(Path(kg).resolve())
    source = kg_data.resolve(kg)
    return source.name if source.path is None else str(source.path.resolve())


def _type_pairs(entities: StoredEntities) -> tuple[list[str], Ids]:
    """The types that entities have, sorted, and the pairs of entities with them: whatever order they came in."""
    pairs = entities.type_pairs
    used, numbers = np.unique(pairs[:, 1], return_inverse=True)
    names = [entities.type_names[number] for number in used.tolist()]
    order = sorted(range(len(names)), key=names.__getitem__)
    ranks = np.empty(len(names), dtype=np.int32)
    ranks[order] = np.arange(len(names), dtype=np.int32)
    pairs = np.stack((pairs[:, 0], ranks[numbers]), axis=1)
    return [names[at] for at in order], pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def graph_digest(kg: KnowledgeGraph) -> str:
    """A hex digest of a graph's splits, triples, names, types and values: whether two runs had the same graph.

    Of a graph on a server it is that of the address and of the survey: relations, counts and types.
    """
    if kg.server is not None:
        return kg.server.digest[:16]
    content = merged(kg.content)
    entities, keys = content.entities.whole, content.names.whole
    values = [(column.relation, column.kind, column.unit) for column in content.values]
    types, pairs = _type_pairs(entities)
    total = hashlib.sha256(repr((sorted(kg.splits), kg.relation_ids, kg.relation_labels, values, types)).encode())
    forward = content.index.whole.forward
    arrays: list[NDArray[Any]] = [forward.bounds, forward.sources, forward.starts, forward.targets, keys.entities]
    arrays.append(pairs)
    for strings in (entities.ids, entities.labels, keys.texts):
        arrays += [strings.blob, strings.offsets]
    for column in content.values:
        arrays += [column.entities, column.values]
    for array in arrays:
        total.update(f"{array.dtype} {len(array)}\0".encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()[:16]
