"""From a graph to its fitted link predictor: rules, a ComplEx, the weights of both, kept where answers look for it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from reasoning.completion.embeddings.checkpoints import best_epoch, training_lock
from reasoning.completion.embeddings.training import CHECKED, train
from reasoning.completion.embeddings.training_pairs import TrainingPairs, split_triples
from reasoning.completion.fitted import MODEL, save_predictor, training_folder
from reasoning.completion.link_ranking import LinkRanking, rank_links
from reasoning.completion.options import TrainingOptions
from reasoning.completion.predictor import LinkPredictor, Weights, fit_weights, scorer_of, seen_in
from reasoning.completion.rules.rule_model import RulePredictor
from reasoning.completion.training_graph import TrainingGraph
from reasoning.errors import CompletionError
from reasoning.graph.index import TripleIndex
from reasoning.graph.store import KnowledgeGraph

Parts = Literal["both", "complex", "rules"]
PARTS: tuple[str, ...] = get_args(Parts)

RUN, WHOLE_RUN = "run", "run-on-all"
"""The folders of the training runs in the folder of the training."""


@dataclass(frozen=True)
class Fitted:
    """What was fitted.

    Attributes:
        predictor: ready to be used.
        folder: where it is kept.
        held_out: how each part alone and all together rank triples that were not trained on: filtered, both directions.
    """

    predictor: LinkPredictor
    folder: Path
    held_out: dict[str, LinkRanking]

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        weights = self.predictor.weights
        return {
            "folder": str(self.folder),
            "digest": self.predictor.digest,
            "weights": asdict(weights),
            "held_out": {name: ranking.to_dict() for name, ranking in self.held_out.items()},
        }


def fit(
    kg: KnowledgeGraph, options: TrainingOptions, parts: str = "both", out: Path | None = None, anew: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Fitted:  # fmt: skip
    """Fit a link predictor on a graph's triples and keep it; a run that was stopped goes on.

    Args:
        kg: the graph; nothing but its triples is looked at.
        options: how the ComplEx is trained, how much is held out, and the seed.
        parts: "both", "complex" or "rules".
        out: the folder; by default one beside the graph's cache, where `find_predictor` looks.
        anew: throw away the training that the folder holds; what else is in it stays.
        say: is given the progress, a line at a time.

    Raises:
        CompletionError: as `train`; the folder cannot be written, or another process trains in it.
    """
    if parts not in PARTS:
        raise CompletionError(f"parts must be one of {', '.join(PARTS)}, not {parts!r}")
    folder = out or training_folder(kg)
    with training_lock(folder):
        if anew:
            for name in (RUN, WHOLE_RUN, MODEL):
                shutil.rmtree(folder / name, ignore_errors=True)
        return _fit(kg, options, parts, folder, say)


def _fit(
    kg: KnowledgeGraph, options: TrainingOptions, parts: str, folder: Path, say: Callable[[str], None]
) -> Fitted:  # fmt: skip
    kept, held = split_triples(kg.index.whole, options.held_out, options.seed)
    embeddings = rules = tried_embeddings = tried_rules = None
    if parts != "rules":
        embeddings = tried_embeddings = train(kg, options, folder / RUN, say)
        if options.refit and len(held):
            say("training on all triples")
            again = replace(options, epochs=best_epoch(folder / RUN))
            embeddings = train(kg, again, folder / WHOLE_RUN, say, whole=True)
    # After the training, which goes on where it was: rules are mined in one go, and only once it is done.
    if parts != "complex":
        say("mining rules")
        rules = tried_rules = RulePredictor.fit(kg.index.whole, kg.entity_count, kg.relation_count, say=say)
        if len(held):
            say("mining rules without what is held out")
            without = TripleIndex.build(kept, kg.entity_count, kg.relation_count)
            tried_rules = RulePredictor.fit(without, kg.entity_count, kg.relation_count)
    seen, trained_on = seen_in(kg.index.whole.triples(), kg.entity_count), TrainingGraph.of(kg)
    # Neither part has met what is held out. Rules of the whole graph would not do, though they leave an edge out of its
    # own score: it still supports the rules of its rivals and makes them a little more confident than its own.
    tried = LinkPredictor(tried_embeddings, tried_rules, seen, trained_on, Weights(), "")
    held = held[np.random.default_rng(options.seed).permutation(len(held))]
    # Weights fitted on half of what is held out are judged on the other half; the final ones are fitted on all of it.
    everything, fitting, telling = (
        TrainingPairs.of(TripleIndex.build(part, kg.entity_count, kg.relation_count))
        for part in (held, held[: len(held) // 2], held[len(held) // 2 :][:CHECKED])
    )
    say("fitting the weights of the parts")
    tried = replace(tried, weights=fit_weights(tried, fitting, kg.index.whole, options.seed))
    weights = fit_weights(tried, everything, kg.index.whole, options.seed)
    ranked = {"together": rank_links(scorer_of(tried, kg.index.whole), telling, kg.index.whole)}
    if tried_embeddings is not None and tried_rules is not None:
        ranked["complex"] = rank_links(tried_embeddings.scores, telling, kg.index.whole)
        ranked["rules"] = rank_links(tried_rules.scores, telling, kg.index.whole)
    predictor = LinkPredictor(embeddings, rules, seen, trained_on, weights, "")
    predictor = replace(predictor, digest=_digest(predictor))
    details = {
        "options": options.to_dict(),
        "parts": parts,
        "held_out": {name: ranking.to_dict() for name, ranking in ranked.items()},
        "held_out_mrr": ranked["together"].mrr,
    }
    save_predictor(folder / MODEL, kg, predictor, details)
    say(f"kept in {folder / MODEL}")
    return Fitted(predictor, folder / MODEL, ranked)


def predict_by_rules(kg: KnowledgeGraph) -> LinkPredictor:
    """A link predictor of rules alone, in seconds; it is kept nowhere."""
    rules = RulePredictor.fit(kg.index.whole, kg.entity_count, kg.relation_count)
    seen = seen_in(kg.index.whole.triples(), kg.entity_count)
    predictor = LinkPredictor(None, rules, seen, TrainingGraph.of(kg), Weights(), "")
    return replace(predictor, digest=_digest(predictor))


def _digest(predictor: LinkPredictor) -> str:
    total = hashlib.sha256(repr(predictor.weights).encode())
    if predictor.embeddings is not None:
        for tensor in (predictor.embeddings.entities, predictor.embeddings.relations):
            total.update(np.ascontiguousarray(tensor.detach().numpy()).data)
    if predictor.rules is not None:
        total.update(predictor.rules.digest.encode())
    return total.hexdigest()[:16]
