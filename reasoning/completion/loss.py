"""The loss of one update, and its gradients, without keeping a (questions, entities) table for autograd."""

from __future__ import annotations

from typing import Any

from reasoning.completion.complex_model import ComplEx, compose, compose_ends
from reasoning.completion.options import TrainingOptions
from reasoning.completion.questions import Questions


def backward(model: ComplEx, batch: Questions, options: TrainingOptions, dtype: Any) -> float:
    """Add the gradients of a batch's loss to the embeddings and return the loss of a triple.

    For each triple (s, r, t): -log p(t | s, r) over all entities, -w log p(r | s, t) over all directed relations, and
    the nuclear 3-norm |s|^3 + |r|^3 + |t|^3 of the moduli.
    """
    import torch

    device = model.entities.device
    total = int(batch.starts[-1])
    sources, relations, targets, counts, rows = (
        torch.from_numpy(array).to(device, torch.int64)
        for array in (batch.sources, batch.relations, batch.targets, batch.counts, batch.rows)
    )
    source, relation, target = model.entities[sources], model.relations[relations], model.entities[targets]
    asked = compose(source, relation)
    loss, to_asked, to_entities = _cross_entropy(asked.detach(), model.entities.detach(), counts, rows, targets, dtype)
    rest = _nuclear(source, relation, target, counts) * (options.nuclear / total)
    if options.relation_weight:
        among = compose_ends(source[rows], target) @ model.relations.T
        rest = rest + options.relation_weight * torch.nn.functional.cross_entropy(among, relations[rows])
    # The gradient of (asked * constant).sum() with respect to `asked` is that constant.
    ((asked * to_asked).sum() + rest).backward()
    model.entities.grad += to_entities
    return loss + float(rest.detach())


def _cross_entropy(
    asked: Any, entities: Any, counts: Any, rows: Any, targets: Any, dtype: Any
) -> tuple[float, Any, Any]:
    """The mean over triples of -log softmax, and its gradients with respect to `asked` and `entities`."""
    import torch

    total = len(targets)
    low, table = asked.to(dtype), entities.to(dtype)
    scores = (low @ table.T).float()
    norm = torch.logsumexp(scores, dim=1)
    loss = float((norm * counts).sum() - scores[rows, targets].sum()) / total
    slopes = scores.sub_(norm[:, None]).exp_().mul_((counts / total)[:, None])
    slopes.index_put_((rows, targets), torch.tensor(-1.0 / total, device=slopes.device), accumulate=True)
    slopes = slopes.to(dtype)
    return loss, (slopes @ table).float(), (slopes.T @ low).float()


def _nuclear(source: Any, relation: Any, target: Any, counts: Any) -> Any:
    """Summed over the batch's triples: the sources and relations count once for each target."""

    def cubes(table: Any) -> Any:
        a, b = table.chunk(2, dim=-1)
        return (a * a + b * b + 1e-30).pow(1.5).sum(dim=-1)

    return ((cubes(source) + cubes(relation)) * counts).sum() + cubes(target).sum()
