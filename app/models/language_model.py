"""The language model as the page uses it: warmed up in the background, described in a sentence.

All visitors share the page's own model; a visitor who has named another one gets that one, in this visit only.
"""

from __future__ import annotations

import logging
import threading

from langchain_core.language_models import BaseChatModel

from app.models.own import OwnModel, OwnModels, this_visit
from kg_data.errors import SkylarkError
from reasoning.language import CopyEverythingChatModel, EmbeddedChatModel, LLMError, describe_llm, load_llm
from reasoning.language.marking.adapters import adapter_of
from reasoning.language.marking.passes import passes_of

log = logging.getLogger(__name__)

MAX_NEW_TOKENS = 256
"""Most tokens of one reply; a longer one from the embedded model is prose, not an answer, and only costs the visitor
time."""


SMALL = (
    "It is small and was taught to answer single steps; it gets few of them wrong, but some: the exact answer is the "
    "reliable one."
)
"""What to expect of the embedded model."""


class LanguageModel:
    """The model of a running page, and those that visitors have named for themselves.

    Args:
        spec: what `load_llm` takes: "embedded", "copy", "hf:name-or-path" or "provider:model".

    Attributes:
        spec: the same.
        error: why there is no model, None where there is one.
        owned: visitors' own models.
    """

    def __init__(self, spec: str) -> None:
        self.spec = spec
        self.error: str | None = None
        self.owned = OwnModels()
        self._model: BaseChatModel | None = None
        self._warm = threading.Event()
        try:
            self._model = load_llm(spec, max_new_tokens=MAX_NEW_TOKENS)
        except SkylarkError as error:
            # The page is of use without a model: exact answers need none.
            self.error = str(error)

    def warm_up(self) -> None:
        """Load the weights now, so that the first visitor does not wait for them; blocks until it is done."""
        try:
            if isinstance(self._model, EmbeddedChatModel) and adapter_of(self._model) is not None:
                passes_of(self._model)
            elif isinstance(self._model, EmbeddedChatModel):
                self._model.invoke("Say yes.", max_new_tokens=1)
            log.info("the language model is ready")
        except SkylarkError as error:
            self.error = str(error)
        except Exception:
            log.exception("the language model could not be loaded")
            self.error = "the language model could not be loaded; the log says why"
        finally:
            self._warm.set()

    @property
    def own(self) -> OwnModel | None:
        """What the visitor has named whose event is being handled; None where that is nothing."""
        return self.owned.of(this_visit())

    @property
    def is_warm(self) -> bool:
        """Whether the weights are there."""
        return self.own is not None or self._warm.is_set() or not isinstance(self._model, EmbeddedChatModel)

    def for_run(self) -> BaseChatModel:
        """The model that runs are made with.

        Raises:
            LLMError: there is no model; the message says why.
        """
        if (own := self.own) is not None:
            return own.model
        if self._model is None or self.error is not None:
            raise LLMError(self.error or "there is no language model")
        return self._model

    @property
    def reader(self) -> str | BaseChatModel:
        """What reads questions in English: a hosted model itself; else "embedded"."""
        if (own := self.own) is not None:
            return own.model
        built_in = isinstance(self._model, EmbeddedChatModel | CopyEverythingChatModel)
        return "embedded" if self._model is None or self.error is not None or built_in else self._model

    def sentence(self) -> str:
        """Which model runs, where, and what to expect of it, in plain words (not escaped)."""
        if (own := self.own) is not None:
            return (
                f"Language model: {own.spec}, yours for this visit, run {describe_llm(own.model)['runs']}. "
                "Language models make mistakes: the exact answer is the reliable one."
            )
        if self._model is None:
            return f"No language model is running: {self.error}. Exact answers need none."
        about = describe_llm(self._model)
        words = f"Language model: {about['name']} ({about['size']}; {about['licence']}), run {about['runs']}."
        if self.spec == "embedded":
            words += f" {SMALL}"
        elif self.spec == "copy":
            words = (
                f"Language model: the {about['name']} ({about['size']}). It shows what copying alone achieves: "
                "the exact answer is the reliable one."
            )
        else:
            words += " Language models make mistakes: the exact answer is the reliable one."
        return words

    def described(self) -> dict[str, str] | None:
        """What `describe_llm` says of the page's model; None where there is none."""
        return None if self._model is None else describe_llm(self._model)
