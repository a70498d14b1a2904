"""A visitor's own language model: one of a hosted provider, with the visitor's key, for as long as the visit lasts.

The key goes from the visitor's box into the provider's client and nowhere else: it is kept in this process's memory
under the visit, and is in no file, log, address, page or error. Only hosted providers can be named, each at its own
address: a visitor of a public page must neither load a path of this machine nor reach a server beside it.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field

from gradio.context import LocalContext
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage

from reasoning.language import LLMError, LLMTimeoutError, ask_model
from reasoning.language.hosted.providers import PROVIDERS, Provider, is_installed, load_hosted
from reasoning.language.hosted.redaction import HIDDEN
from reasoning.language.hosted.retrying import HINTS

MOST_KEPT = 200
"""Visitors whose model is kept at once; who came first is forgotten first."""
KEPT_SECONDS = 3600.0
"""How long a model is kept that its visitor does not use."""
TRIAL_SECONDS = 30.0
LONGEST_NAME, SHORTEST_KEY, LONGEST_KEY = 100, 8, 400
NOT_OFFERED = ("ollama",)
"""Providers that are a server of one's own: for a visitor of this page that would be a private address."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]*(?:/[A-Za-z0-9][A-Za-z0-9._:@-]*)*")
_KEY = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class OwnModel:
    """A visitor's model.

    Attributes:
        provider: its name in `PROVIDERS`.
        name: the provider's name of the model.
        model: the client, which holds the key.
    """

    provider: str
    name: str
    model: BaseChatModel = field(repr=False)

    @property
    def spec(self) -> str:
        """`provider:model`."""
        return f"{self.provider}:{self.name}"


class OwnModels:
    """Visitors' models, each under its visit."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, OwnModel]] = {}  # in the order of their last use
        self._lock = threading.Lock()

    def keep(self, visit: str, own: OwnModel) -> None:
        """Use this model for this visit from now on."""
        with self._lock:
            self._kept.pop(visit, None)
            self._kept[visit] = (time.monotonic(), own)
            while len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]

    def forget(self, visit: str | None) -> None:
        """Use the page's model again, and keep the key no longer."""
        with self._lock:
            self._kept.pop(visit or "", None)

    def of(self, visit: str | None) -> OwnModel | None:
        """The visit's own model, None where it has none."""
        now = time.monotonic()
        with self._lock:
            for old in [key for key, (used, _) in self._kept.items() if now - used > KEPT_SECONDS]:
                del self._kept[old]
            _, own = self._kept.pop(visit or "", (now, None))
            if own is not None and visit is not None:
                self._kept[visit] = (now, own)
            return own


def this_visit() -> str | None:
    """Which visit the event belongs to that is being handled; None outside of one."""
    request = LocalContext.request.get(None)
    visit = getattr(request, "session_hash", None)
    return visit if isinstance(visit, str) and visit else None


def offered() -> dict[str, Provider]:
    """The hosted providers that can be named here: those whose package is installed."""
    return {
        name: provider
        for name, provider in PROVIDERS.items()
        if name not in NOT_OFFERED and provider.keys and is_installed(provider)
    }


def open_model(provider: str | None, name: str | None, key: str | None) -> OwnModel:
    """A visitor's model, made of what the visitor typed; nothing is sent yet.

    Raises:
        LLMError: the provider is not offered, or the name or key cannot be one. The key is in no message.
    """
    known = offered()
    if provider not in known:
        raise LLMError(f"choose a provider first: this page offers {', '.join(known) or 'none'}")
    name, key = (name or "").strip(), (key or "").strip()
    if not name:
        raise LLMError(f"there is no model yet: type {provider}'s name of one, such as {known[provider].example}")
    if len(name) > LONGEST_NAME or _NAME.fullmatch(name) is None:
        raise LLMError(
            f"this cannot be the name of a model of {provider}: it has letters, digits, dots and dashes and no "
            f"space, as {known[provider].example} has; copy it from the provider's list"
        )
    if not key:
        raise LLMError(f"the provider {provider} needs a key: make one in your account there and paste it here")
    if not SHORTEST_KEY <= len(key) <= LONGEST_KEY or _KEY.fullmatch(key) is None:
        # A client would quote such a key in its error.
        raise LLMError(
            f"this cannot be a key of {provider}: a key is {SHORTEST_KEY} to {LONGEST_KEY} plain characters without "
            "spaces; copy it again, whole"
        )
    return OwnModel(provider, name, load_hosted(provider, name, key))


def try_model(own: OwnModel, key: str) -> None:
    """Ask the model for one word, so that a wrong name or key is known now and not in the middle of a run.

    Raises:
        LLMError: it did not answer; the message says what to do, and holds nothing of the key.
    """
    try:
        ask_model(own.model, [HumanMessage("Say yes.")], TRIAL_SECONDS, retries=0)
    except LLMTimeoutError:
        raise LLMError(
            f"the model {own.spec} did not answer within {TRIAL_SECONDS:g} s: try again, or name another model"
        ) from None
    except Exception as error:
        raise LLMError(_refusal(own, str(error).replace(key.strip(), HIDDEN))) from None


def _refusal(own: OwnModel, message: str) -> str:
    """Why a model did not answer; what the provider said of a key is left out, since it quotes parts of it."""
    provider, name = own.provider, own.name
    if HINTS[401] in message:
        return f"the provider refuses this key: check that it is whole, valid and one of {provider}, and paste it again"
    if HINTS[403] in message:
        return f"the provider does not let this key use {name}: name another model, or a key of an account that may"
    if HINTS[404] in message:
        return f"the provider has no model called {name} for this key: copy the name from its list of models"
    if "no credit left" in message:
        return f"the account of this key has no credit left at {provider}: add some there, or use another key"
    if HINTS[429] in message:
        return "the provider's limit for this key is reached: wait a minute and try again"
    if "onnection" in message:
        return f"{provider} could not be reached from this server: try again later, or use the page's own model"
    return f"the model {own.spec} could not be asked: {message}"
