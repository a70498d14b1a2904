"""The methods that a job can be run by: exact execution, or a language model by method lark."""

from __future__ import annotations

from dataclasses import dataclass, field

from langchain_core.language_models import BaseChatModel

from app.language_model import LanguageModel
from kg_data.errors import SkylarkError
from reasoning.llms import LLMError

EXACT, EXACT_OWN, LARK, LARK_COPY, LARK_OWN = "exact", "exact-own", "lark", "lark-copy", "lark-own"
NOTHING = "nothing"


@dataclass(frozen=True)
class BatchMethod:
    """One way to answer.

    Attributes:
        key: what it is called in a job's file.
        label: what it is called on the page.
        method: "exact" or "lark".
        llm: the language model.
        model: the model's name in results: never a path of this machine.
    """

    key: str
    label: str
    method: str
    llm: str | BaseChatModel = field(repr=False)
    model: str

    @property
    def here(self) -> bool:
        """Whether nothing is sent to a provider."""
        return isinstance(self.llm, str) and self.llm.startswith(("embedded", "copy", "hf:"))


def offered_methods(model: LanguageModel) -> list[BatchMethod]:
    """What the visitor may choose whose event is being handled."""
    found = [BatchMethod(EXACT, "exact execution", "exact", "embedded", "embedded")]
    if (described := model.described()) is not None and model.error is None and model.spec != "copy":
        name = described["name"].replace("\\", "/").rstrip("/").rpartition("/")[2] or "language model"
        told = "embedded" if model.spec == "embedded" else name
        found.append(BatchMethod(LARK, f"lark with {name}", "lark", model.spec, told))
    found.append(BatchMethod(LARK_COPY, "lark with the copy-everything baseline", "lark", "copy", "copy"))
    if (own := model.own) is not None:
        found.append(BatchMethod(LARK_OWN, f"lark with your {own.spec}", "lark", own.model, own.spec))
        label = f"exact execution, questions read by your {own.spec}"
        found.append(BatchMethod(EXACT_OWN, label, "exact", own.model, own.spec))
    return found


def chosen_methods(model: LanguageModel, keys: list[str | None]) -> list[BatchMethod]:
    """The methods that a visitor chose, without what is nothing.

    Raises:
        SkylarkError: one is not offered, or both are the same.
    """
    known = {method.key: method for method in offered_methods(model)}
    wanted = [key for key in keys if key and key != NOTHING]
    for key in wanted:
        if key in (LARK_OWN, EXACT_OWN) and key not in known:
            raise LLMError("this job uses a model of your own: name it with its key under Models first, then go on")
        if key not in known:
            raise SkylarkError("there is no such method here: choose one from the list")
    if not wanted:
        raise SkylarkError("choose a method first")
    if len(set(wanted)) < len(wanted):
        raise SkylarkError("both methods are the same: choose another one to stand beside the first, or nothing")
    return [known[key] for key in wanted]
