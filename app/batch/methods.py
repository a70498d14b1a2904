"""The methods that a job can be run by: exact execution, likely answers too, or a language model by method lark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from langchain_core.language_models import BaseChatModel

from app.models.language_model import LanguageModel
from kg_data.errors import SkylarkError
from reasoning.language import LLMError

EXACT, EXACT_OWN, LARK, LARK_COPY, LARK_OWN = "exact", "exact-own", "lark", "lark-copy", "lark-own"
COMPLETE = "complete"
OWN = (LARK_OWN, EXACT_OWN)
"""Those that a visitor's own model answers."""
NOTHING = "nothing"


@dataclass(frozen=True)
class BatchMethod:
    """One way to answer.

    Attributes:
        key: what it is called in a job's file.
        label: what it is called on the page.
        method: "exact", "complete" or "lark".
        llm: the language model; None where a job has put a visitor's own one away.
        model: the model's name in results: never a path of this machine.
    """

    key: str
    label: str
    method: str
    llm: str | BaseChatModel | None = field(repr=False)
    model: str

    @property
    def put_away(self) -> BatchMethod:
        """What may be kept of it: nothing that holds a visitor's key."""
        return replace(self, llm=None) if self.key in OWN else self


def offered_methods(model: LanguageModel) -> list[BatchMethod]:
    """What the visitor may choose whose event is being handled."""
    offered = [
        BatchMethod(EXACT, "exact execution", "exact", "embedded", "embedded"),
        BatchMethod(COMPLETE, "likely answers too, over predicted edges", "complete", "embedded", "embedded"),
    ]
    if (described := model.described()) is not None and model.error is None and model.spec != "copy":
        name = described["name"].replace("\\", "/").rstrip("/").rpartition("/")[2] or "language model"
        shown = "embedded" if model.spec == "embedded" else name
        offered.append(BatchMethod(LARK, f"lark with {name}", "lark", model.spec, shown))
    offered.append(BatchMethod(LARK_COPY, "lark with the copy-everything baseline", "lark", "copy", "copy"))
    if (own := model.own) is not None:
        offered.append(BatchMethod(LARK_OWN, f"lark with your {own.spec}", "lark", own.model, own.spec))
        label = f"exact execution, questions read by your {own.spec}"
        offered.append(BatchMethod(EXACT_OWN, label, "exact", own.model, own.spec))
    return offered


def chosen_methods(model: LanguageModel, keys: list[str | None]) -> list[BatchMethod]:
    """The methods that a visitor chose, without what is nothing.

    Raises:
        SkylarkError: one is not offered, or both are the same.
    """
    known = {method.key: method for method in offered_methods(model)}
    chosen = [key for key in keys if key and key != NOTHING]
    for key in chosen:
        if key in OWN and key not in known:
            raise _not_named("a model of your own")
        if key not in known:
            raise SkylarkError("there is no such method here: choose one from the list")
    if not chosen:
        raise SkylarkError("choose a method first")
    if len(set(chosen)) < len(chosen):
        raise SkylarkError("both methods are the same: choose another one to stand beside the first, or nothing")
    return [known[key] for key in chosen]


def with_models(kept: Sequence[BatchMethod], chosen: Sequence[BatchMethod]) -> list[BatchMethod]:
    """Methods of a job as they are run: those by a visitor's own model with the client that this visitor has now.

    Args:
        kept: the job's.
        chosen: what `chosen_methods` gives the visitor who wants it run.

    Raises:
        LLMError: this visitor has not named the model.
    """
    now = {method.key: method for method in chosen}
    methods = []
    for method in kept:
        if method.key in OWN:
            if method.key not in now or now[method.key].model != method.model:
                raise _not_named(method.model)
            method = now[method.key]
        methods.append(method)
    return methods


def _not_named(model: str) -> LLMError:
    return LLMError(f"this job uses {model}: name it with its key under Models first, then go on")
