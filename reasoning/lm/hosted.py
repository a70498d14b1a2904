"""Hosted language models, "provider:model": requests spaced and retried, prices, secrets hidden.

LangChain's integration packages reach them. Providers' own clients retry too, each by its own rules and out of sight;
they are told not to, so that the time limit, the count of requests and the rate limit hold. Providers quote the
request in their errors, and errors end up in logs and pages, so keys are kept out of messages. A price that the
public list (genai-prices) does not know is None and never 0: a run that looks free must be free.
"""

from __future__ import annotations

import difflib
import importlib.util
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import wait
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.rate_limiters import InMemoryRateLimiter
from pydantic import SecretStr
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential_jitter

from reasoning.lm.calls import ModelOptions, abandoned, started
from reasoning.lm.embedded import CopyEverythingChatModel, EmbeddedChatModel
from reasoning.lm.errors import UNWANTED, LLMError, LLMTimeoutError, UnknownLLMError, need_packages
from skylark.errors import SkylarkError
from skylark.retries import retry_after

HIDDEN = "[hidden]"

_SECRET_NAME = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS?)$", re.IGNORECASE)
_LOOKS_SECRET = re.compile(
    r"(?<=://)[^/@\s]+(?=@)"  # user:password in an address
    r"|(?<=bearer )\S+"
    r"|(?<=basic )[A-Za-z0-9+/=]{8,}"
    r"|(?<=[?&]key=)[^&\s]+"
    r"|\b(?:sk|pk|rk|gsk|xai|hf|nvapi|pplx|csk)[-_][\w*.-]{6,}"
    r"|\bAIza[\w-]{20,}",
    re.IGNORECASE,
)
_SHORTEST = 6  # shorter values are placeholders such as "none", and hiding them would spoil ordinary words


def redact(text: str, llm: BaseChatModel | None = None) -> str:
    """`text` without what is or looks like a secret.

    Hidden are the values of environment variables that are named like secrets, the secret fields of `llm`, and
    anything in the shape of a known provider's key, an authorization header or a password in an address.
    """
    known = {value for name, value in os.environ.items() if _SECRET_NAME.search(name)}
    if llm is not None:
        for field in type(llm).model_fields:
            value = getattr(llm, field, None)
            if isinstance(value, SecretStr):
                known.add(value.get_secret_value())
    # The longest first: one secret may begin another.
    for secret in sorted((s for s in known if len(s) >= _SHORTEST), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return _LOOKS_SECRET.sub(HIDDEN, text)


@dataclass(eq=False)
class Call:
    """One reply being waited for, over all its requests; `timeout` seconds without the turns it waits for."""

    timeout: float
    began: float = field(default_factory=time.monotonic)
    waited: float = 0.0
    given_up: threading.Event = field(default_factory=threading.Event)

    @property
    def left(self) -> float:
        """Seconds left; below 0 when the time is over."""
        return self.began + self.timeout + self.waited - time.monotonic()


current_call: ContextVar[Call | None] = ContextVar("skylark_call", default=None)
"""The call that the code below serves, for the limiter, which LangChain asks without saying for whom."""


class SpacedRequests(InMemoryRateLimiter):
    """LangChain's limiter, told how long its callers wait and which of them have gone.

    LangChain asks it after the cache and before every request, so a cached reply waits for nobody.

    Args:
        requests_per_minute: above 0; the first request goes at once, the others follow evenly spaced.
    """

    def __init__(self, requests_per_minute: float) -> None:
        per_second = requests_per_minute / 60
        super().__init__(requests_per_second=per_second, check_every_n_seconds=min(0.1, 0.25 / per_second))
        self.available_tokens = 1.0

    def acquire(self, *, blocking: bool = True) -> bool:
        """Wait for a turn; a caller who gave up takes none, since nobody would read the reply."""
        call = current_call.get()
        if call is None or not blocking:
            return super().acquire(blocking=blocking)
        while not self._consume():
            if call.given_up.is_set():
                raise LLMError(UNWANTED)
            began = time.monotonic()
            time.sleep(self.check_every_n_seconds)
            call.waited += time.monotonic() - began
        return True


@dataclass(frozen=True)
class Provider:
    """What a provider needs.

    Args:
        package: the LangChain integration, as pip names it.
        keys: environment variables, any one of which holds the key; none where no key is needed.
        example: a model of theirs, for messages.
        once: settings with which its client sends a request once and leaves retries to Skylark.
    """

    package: str
    keys: tuple[str, ...]
    example: str
    once: Mapping[str, int] = field(default_factory=lambda: {"max_retries": 0})


HUB_EXAMPLE = "Qwen/Qwen3-0.6B"

PROVIDERS = {
    "anthropic": Provider("langchain-anthropic", ("ANTHROPIC_API_KEY",), "claude-haiku-4-5"),
    "deepseek": Provider("langchain-deepseek", ("DEEPSEEK_API_KEY",), "deepseek-chat"),
    "google_genai": Provider(
        "langchain-google-genai",
        ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        "gemini-2.5-flash",
        {"max_retries": 1},  # it counts the first request too
    ),
    "groq": Provider("langchain-groq", ("GROQ_API_KEY",), "llama-3.3-70b-versatile"),
    "mistralai": Provider("langchain-mistralai", ("MISTRAL_API_KEY",), "mistral-small-latest"),
    "ollama": Provider("langchain-ollama", (), "llama3.2", {}),
    "openai": Provider("langchain-openai", ("OPENAI_API_KEY",), "gpt-5-mini"),
}


NOT_PROVIDERS = ("langchain_core", "langchain_community")
"""LangChain packages whose chat models stand for no provider in particular, some of them for tests."""


def load_hosted(provider: str, model: str, key: str | None = None) -> BaseChatModel:
    """The chat model `model` of `provider`, at temperature 0; nothing is sent yet.

    No limit on new tokens is set: models that think first spend the same allowance on it, and a limit that suits the
    short answers asked for here would leave nothing for the answer.

    Args:
        provider: a name of `PROVIDERS`, or another that LangChain knows.
        model: the provider's name of the model.
        key: used in place of that in the environment; it is in no error.

    Raises:
        UnknownLLMError: the provider is unknown.
        LLMError: its package is not installed, its key is not set, or it refuses the model.
    """
    need_packages("A hosted language model", "langchain", "genai_prices")
    from langchain.chat_models import init_chat_model

    known = PROVIDERS.get(provider)
    if known:
        _check(known, f"{provider}:{model}", key)
    settings: dict[str, Any] = {**(known.once if known else {}), "temperature": 0}
    if key is not None:
        settings["api_key"] = SecretStr(key)  # every provider of `PROVIDERS` that takes a key knows it by this name
    try:
        return cast(BaseChatModel, init_chat_model(model, model_provider=provider, **settings))
    except ValueError as error:
        if str(error).startswith("Unsupported provider"):
            raise unknown_llm(f"{provider}:{model}") from None
        raise LLMError(f"{provider}:{model} cannot be used: {_hidden(error, key)}") from None
    except ImportError as error:
        raise LLMError(f"{provider}:{model} cannot be loaded: {error}") from error
    except Exception as error:  # each provider's own errors
        # Not chained: the provider's own error, shown under ours, might print a key.
        raise LLMError(f"{provider}:{model} cannot be used, {type(error).__name__}: {_hidden(error, key)}") from None


def _hidden(error: Exception, key: str | None) -> str:
    message = str(error)
    return redact(message.replace(key, HIDDEN) if key else message)


def is_installed(provider: Provider) -> bool:
    """Whether its integration package is there."""
    return importlib.util.find_spec(provider.package.replace("-", "_")) is not None


def _check(provider: Provider, name: str, key: str | None) -> None:
    if not is_installed(provider):
        raise LLMError(
            f"{name} needs the package {provider.package}, which is not installed: run `pip install {provider.package}`"
        )
    if key is None and provider.keys and not any(os.environ.get(key, "").strip() for key in provider.keys):
        raise LLMError(f"{name} needs a key: set the environment variable {' or '.join(provider.keys)}")


def unknown_llm(name: str) -> UnknownLLMError:
    """The error for a `name` that is no model, with the nearest valid ones."""
    examples = {key: f"{key}:{provider.example}" for key, provider in PROVIDERS.items()} | {"hf": f"hf:{HUB_EXAMPLE}"}
    known = ["embedded", "copy", *examples]
    near = difflib.get_close_matches(name.partition(":")[0].strip().lower(), known, n=2, cutoff=0.5)
    shown = [examples.get(key, key) for key in near] or ["embedded", "copy", examples["openai"], examples["ollama"]]
    valid = (
        '"embedded", "copy", "hf:" with a name on the Hugging Face hub or a folder, and "provider:model", '
        f"with providers such as {', '.join(PROVIDERS)}"
    )
    return UnknownLLMError(name, shown, valid)


def display_name(llm: BaseChatModel) -> str:
    """The model's name as its provider gives it, else the kind of chat model it is."""
    for attribute in ("name_of_model", "model_name", "model", "model_id"):
        value = getattr(llm, attribute, None)
        if isinstance(value, str) and value:
            return value
    return llm._llm_type


def runs_here(llm: BaseChatModel) -> bool:
    """Whether a model runs in this process, so that nothing is sent and nobody charges for it."""
    return isinstance(llm, EmbeddedChatModel | CopyEverythingChatModel)


def is_hosted(llm: BaseChatModel) -> bool:
    """Whether a model comes from a provider's LangChain package (`langchain_openai` and its like)."""
    package = type(llm).__module__.partition(".")[0]
    return package.startswith("langchain_") and package not in NOT_PROVIDERS


def provider_of(llm: BaseChatModel) -> str:
    """The provider's name, as LangChain's tracing calls it."""
    return str(llm._get_ls_params().get("ls_provider", ""))


def address(llm: BaseChatModel) -> str | None:
    """Where a model's requests go, None where its package does not say.

    The client comes first: it knows an address that was set by an environment variable.
    """
    for client in ("root_client", "_client", "client"):
        value = getattr(getattr(llm, client, None), "base_url", None)
        if value:
            return str(value)
    for attribute in ("anthropic_api_url", "openai_api_base", "groq_api_base", "api_base", "endpoint", "base_url"):
        value = getattr(llm, attribute, None)
        if isinstance(value, str) and value:
            return value
    return None


def cost(llm: BaseChatModel, options: ModelOptions, input_tokens: int, output_tokens: int) -> float | None:
    """USD for so many tokens, by today's list price or by the user's own; None where neither is known.

    A model in this process costs 0. A model at an address that is not a known provider's has no list price, whatever
    its name: it may be anybody's server.
    """
    if options.price_in is not None and options.price_out is not None:
        return (options.price_in * input_tokens + options.price_out * output_tokens) / 1_000_000
    if runs_here(llm):
        return 0.0
    if not is_hosted(llm):
        return None
    from genai_prices import Usage, calc_price

    usage, name, where = Usage(input_tokens=input_tokens, output_tokens=output_tokens), display_name(llm), address(llm)
    try:
        if where is None:
            return float(calc_price(usage, name, provider_id=provider_of(llm)).total_price)
        return float(calc_price(usage, name, provider_api_url=where).total_price)
    except LookupError:
        return None


log = logging.getLogger(__name__)

T = TypeVar("T")

MAY_PASS = (408, 425, 429)
"""Refusals of HTTP that another try may not meet, beside the server's own errors (500 and above)."""

LOST_CONNECTION = ("APIConnectionError", "ConnectError", "ConnectionError", "TimeoutError", "TransportError")
"""Base classes of what HTTP clients raise where no answer came through: httpx, requests, and the providers' own."""

HINTS = {
    401: "the provider refuses the key",
    403: "the key may not use this model",
    404: "the provider has no model of this name",
    429: "the provider's limit is reached: ask fewer at once, or set a limit of requests per minute",
}

NO_CREDIT = "insufficient_quota"
"""OpenAI's code of a refusal for an empty account; it comes as 429, and waiting does not fill it."""

FILTERED = "ContentFilterFinishReasonError"
"""What OpenAI's client raises where the provider's content filter stopped a reply; as a refusal it has a code."""

LOOK_SECONDS = 0.25
"""How often a request under way looks whether anybody still waits for it."""

BACKOFF = wait_exponential_jitter(multiplier=0.5, max=30, jitter=0.5)
"""Seconds before each further try where the provider asks for no wait of its own: 0.5, 1, 2 ... with a random part."""


def send(llm: BaseChatModel, call: Callable[[], T], timeout: float, retries: int = 0) -> tuple[T, int]:
    """What `call` gives, and how many requests it took.

    Each try runs on a thread of its own, see `within`. Between tries it waits as long as the provider asks in
    `Retry-After`, else 0.5 s, 1 s, 2 s ... with a random part; where that is longer than the time left it gives up.
    A model that refuses to be asked at temperature 0, as some that think do, is from then on asked without one.

    Args:
        llm: the model, for messages.
        call: sends one request and returns its reply.
        timeout: seconds for all tries and the waits between them.
        retries: further tries after an error that may pass.

    Raises:
        LLMTimeoutError: no answer in time.
        LLMError: the provider's last error, without keys; `requests` says how many were sent.
    """
    budget = Call(timeout)
    tries = 0

    def once() -> T:
        nonlocal tries
        if abandoned():
            raise LLMError(UNWANTED)
        tries += 1
        steady = getattr(llm, "temperature", None) == 0
        try:
            return within(budget, llm, call)
        except Exception as error:
            if not (steady and refuses_temperature(error)):
                raise
        _leave_temperature(llm)
        tries += 1
        return within(budget, llm, call)

    retrying = Retrying(
        retry=retry_if_exception(may_pass),
        stop=lambda state: state.attempt_number > retries or state.upcoming_sleep >= budget.left,
        wait=_pause,
        before_sleep=lambda state: _note(llm, state),
        reraise=True,
    )
    try:
        return retrying(once), tries
    except Exception as error:
        failure = as_llm_error(llm, error, tries)
        if isinstance(failure, SkylarkError):
            # Not chained: the provider's own error, shown under ours, would print the key again.
            raise failure from None
        raise


def within(call: Call, llm: BaseChatModel, work: Callable[[], T]) -> T:
    """What `work` gives or raises on a daemon thread, if it comes in time and is still wanted: Python cannot end a
    thread, and one that hangs in a provider must not keep the process from exiting.

    Raises:
        LLMTimeoutError: nothing came in the time that `call` has left.
        LLMError: nobody waits for it any more, see `reasoning.lm.calls`.
    """
    # LangChain finds the caller's tracing callbacks in the context, which a new thread doesn't inherit.
    context = copy_context()
    context.run(current_call.set, call)
    future = started(work, context, "skylark-llm")
    try:
        # While a turn is waited for the end moves away, so the time left is looked at again whenever it is over.
        while (left := call.left) > 0:
            if wait([future], timeout=min(left, LOOK_SECONDS)).done:
                return future.result()
            if abandoned():
                raise LLMError(UNWANTED)
        raise LLMTimeoutError(display_name(llm), call.timeout)
    finally:
        if not future.done():
            call.given_up.set()


def as_llm_error(llm: BaseChatModel, error: Exception, requests: int = 0) -> SkylarkError:
    """Skylark's own errors as they are, any other as an `LLMError` that names the model and hides keys."""
    if isinstance(error, SkylarkError):
        failure = error
    else:
        tried = f" after {requests} requests" if requests > 1 else ""
        hints = "".join(f" ({hint})" for hint in _hints(llm, error))
        failure = LLMError(
            f"{display_name(llm)} failed{tried}, {type(error).__name__}: {redact(str(error), llm)}{hints}"
        )
    if isinstance(failure, LLMError):
        failure.requests = requests
    return failure


def _hints(llm: BaseChatModel, error: Exception) -> Iterator[str]:
    status, asked = status_of(error), _asked_wait(error)
    if getattr(error, "code", None) == NO_CREDIT:
        yield "the account has no credit left"
    elif type(error).__name__ == FILTERED or getattr(error, "code", None) == "content_filter":
        yield "the provider's filter stopped it: ask in other words, or another model"
    elif status in HINTS:
        yield HINTS[status]
    elif _is_lost(error):
        yield f"no whole answer came from {redact(address(llm) or 'the provider', llm)}: is the address right?"
    elif (status is None or status < 400) and isinstance(error, ValueError | LookupError | TypeError | AttributeError):
        # The client broke over what it was sent: half a body, a page of HTML, an object without a reply in it.
        yield "what came back is not in the provider's form: does a provider answer at the address?"
    if asked is not None:
        yield f"it asks to wait {asked:g} s"


def may_pass(error: BaseException) -> bool:
    """Whether the same request may succeed a little later."""
    if isinstance(error, SkylarkError):
        return False
    status = status_of(error)
    if status is not None:
        return (status in MAY_PASS or status >= 500) and getattr(error, "code", None) != NO_CREDIT
    return _is_lost(error)


def _is_lost(error: BaseException) -> bool:
    return status_of(error) is None and any(base.__name__ in LOST_CONNECTION for base in type(error).__mro__)


def refuses_temperature(error: BaseException) -> bool:
    """Whether the provider refused a request because of its temperature."""
    return status_of(error) == 400 and "temperature" in str(error).lower()


def _leave_temperature(llm: Any) -> None:
    if llm.temperature is not None:
        llm.temperature = None
        log.warning("%s cannot be asked for its most likely answer alone: its replies may vary", display_name(llm))


def status_of(error: BaseException) -> int | None:
    """The HTTP status behind a provider's error, None where no answer came."""
    response = getattr(error, "response", None)
    for owner, name in ((error, "status_code"), (response, "status_code"), (error, "code"), (error, "http_status")):
        value = getattr(owner, name, None)
        if isinstance(value, int):
            return value
    return None


def _asked_wait(error: BaseException | None) -> float | None:
    """Seconds that the provider asks to wait; None where it asks nothing."""
    return retry_after(getattr(getattr(error, "response", None), "headers", None) or {})


def _pause(state: RetryCallState) -> float:
    asked = _asked_wait(state.outcome.exception() if state.outcome else None)
    return BACKOFF(state) if asked is None else asked


def _note(llm: BaseChatModel, state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.info(
        "%s: %s, sent again in %.1f s (try %d)",
        display_name(llm), type(error).__name__, state.upcoming_sleep, state.attempt_number + 1,
    )  # fmt: skip
