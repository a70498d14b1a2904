"""The loss of one update, and its gradients, without keeping a (pairs, entities) table for autograd."""

from __future__ import annotations

from typing import Any

from reasoning.completion.embeddings.complex_model import ComplEx, compose, compose_ends
from reasoning.completion.embeddings.training_pairs import TrainingPairs
from reasoning.completion.options import TrainingOptions


def backward(model: ComplEx, batch: TrainingPairs, options: TrainingOptions, dtype: Any) -> float:
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
    entities, whole = model.entities.detach(), _gradient(model.entities)
    # Autograd would make a table of all entities for each of these, so they stand alone and their gradients are added.
    source, target = entities[sources].requires_grad_(), entities[targets].requires_grad_()
    relation = model.relations[relations]
    composed = compose(source, relation)
    loss, to_composed = _cross_entropy(composed.detach(), entities, whole, counts, rows, targets, dtype)
    rest = _nuclear(source, relation, target, counts) * (options.nuclear / total)
    if options.relation_weight:
        among = compose_ends(source[rows], target) @ model.relations.T
        rest = rest + options.relation_weight * torch.nn.functional.cross_entropy(among, relations[rows])
    # The gradient of (asked * constant).sum() with respect to `asked` is that constant.
    ((composed * to_composed).sum() + rest).backward()
    whole.index_add_(0, sources, source.grad).index_add_(0, targets, target.grad)
    return loss + float(rest.detach())


def _gradient(table: Any) -> Any:
    """The table's gradient, of zeros where there is none yet."""
    import torch

    if table.grad is None:
        table.grad = torch.zeros_like(table)
    return table.grad


def _cross_entropy(
    composed: Any, entities: Any, whole: Any, counts: Any, rows: Any, targets: Any, dtype: Any
) -> tuple[float, Any]:
    """The mean over triples of -log softmax, and its gradient with respect to `asked`; that of `entities` is added."""
    import torch

    total = len(targets)
    low, table = composed.to(dtype), entities.to(dtype)
    scores = (low @ table.T).float()
    norm = torch.logsumexp(scores, dim=1)
    loss = float((norm * counts).sum() - scores[rows, targets].sum()) / total
    slopes = scores.sub_(norm[:, None]).exp_().mul_((counts / total)[:, None])
    slopes.index_put_((rows, targets), torch.tensor(-1.0 / total, device=slopes.device), accumulate=True)
    slopes = slopes.to(dtype)
    if dtype == whole.dtype:
        whole.addmm_(slopes.T, low)
    else:
        whole.add_(slopes.T @ low)
    return loss, (slopes @ table).float()


def _nuclear(source: Any, relation: Any, target: Any, counts: Any) -> Any:
    """Summed over the batch's triples: the sources and relations count once for each target."""

    def cubes(table: Any) -> Any:
        a, b = table.chunk(2, dim=-1)
        return (a * a + b * b + 1e-30).pow(1.5).sum(dim=-1)

    return ((cubes(source) + cubes(relation)) * counts).sum() + cubes(target).sum()
