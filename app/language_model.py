"""The language model as the page uses it: warmed up in the background, described in a sentence, stopped on demand."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from pydantic import PrivateAttr

from kg_data.errors import SkylarkError
from reasoning.llms import CopyEverythingChatModel, EmbeddedChatModel, LLMError, describe_llm, load_llm
from reasoning.llms.greedy_decoding import Piece

log = logging.getLogger(__name__)

MAX_NEW_TOKENS = 256
"""Most tokens of one reply; a longer one from the embedded model is prose, not an answer, and only costs the visitor
time."""


class StoppableChatModel(EmbeddedChatModel):
    """The embedded model, given up between two tokens once `stop` was called; one object for each run.

    The weights are shared by all objects, so one more costs nothing.
    """

    _stopped: threading.Event = PrivateAttr(default_factory=threading.Event)

    def stop(self) -> None:
        """Give up the reply being written, and refuse to begin another."""
        self._stopped.set()

    def _begin(
        self, messages: list[BaseMessage], stop: list[str] | None, max_new_tokens: int | None, timeout: float | None
    ) -> tuple[int, Iterator[Piece]]:
        tokens, pieces = super()._begin(messages, stop, max_new_tokens, timeout)
        return tokens, self._until_stopped(pieces)

    def _until_stopped(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        while not self._stopped.is_set():
            piece = next(pieces, None)
            if piece is None:
                return
            yield piece
        raise LLMError("the run was stopped")


class LanguageModel:
    """The one model of a running page.

    Args:
        spec: what `load_llm` takes: "embedded", "copy", or "provider:model".
    """

    def __init__(self, spec: str) -> None:
        self.spec = spec
        self.error: str | None = None
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
            if isinstance(self._model, EmbeddedChatModel):
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
    def is_warm(self) -> bool:
        """Whether the weights are there."""
        return self._warm.is_set() or not isinstance(self._model, EmbeddedChatModel)

    def for_run(self) -> BaseChatModel:
        """A model for one run; the embedded one is a `StoppableChatModel`.

        Raises:
            LLMError: there is no model; the message says why.
        """
        if self._model is None or self.error is not None:
            raise LLMError(self.error or "there is no language model")
        if isinstance(self._model, EmbeddedChatModel):
            return StoppableChatModel(source=self._model.source, max_new_tokens=MAX_NEW_TOKENS)
        return self._model

    @property
    def reader(self) -> str | BaseChatModel:
        """What reads questions in English: a hosted model itself; else "embedded", which reads them by patterns."""
        built_in = isinstance(self._model, EmbeddedChatModel | CopyEverythingChatModel)
        return "embedded" if self._model is None or self.error is not None or built_in else self._model

    def sentence(self) -> str:
        """Which model runs, where, and what to expect of it, in plain words (not escaped)."""
        if self._model is None:
            return f"No language model is running: {self.error}. Exact answers need none."
        about = describe_llm(self._model)
        told = f"Language model: {about['name']} ({about['size']}; {about['licence']}), run {about['runs']}."
        if isinstance(self._model, EmbeddedChatModel):
            told += (
                " It is small and not tuned for this task, and it gets most steps wrong: "
                "the exact answer is the reliable one."
            )
        elif self.spec == "copy":
            told = (
                f"Language model: the {about['name']} ({about['size']}). It shows what copying alone achieves: "
                "the exact answer is the reliable one."
            )
        else:
            told += " Language models make mistakes: the exact answer is the reliable one."
        return told
