"""Sending a request again after an error that may pass, and not after one that will come again.

Providers' own clients retry too, each by its own rules and out of sight; they are told not to, so that the time limit,
the count of requests and the rate limit hold.
"""

from __future__ import annotations

import email.utils
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextvars import copy_context
from typing import Any, TypeVar

from langchain_core.language_models import BaseChatModel
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential_jitter

from kg_data.errors import SkylarkError
from reasoning.language.cancellation import abandoned, started
from reasoning.language.errors import UNWANTED, LLMError, LLMTimeoutError
from reasoning.language.hosted.providers import address, display_name
from reasoning.language.hosted.rate_limit import Call, current_call
from reasoning.language.hosted.redaction import redact

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
    """What `work` gives or raises, if it comes in time.

    It runs on a daemon thread: Python cannot end a thread, and one that hangs in a provider must not keep the process
    from exiting.

    Raises:
        LLMTimeoutError: nothing came in the time that `call` has left.
        LLMError: nobody waits for it any more, see `reasoning.language.cancellation`.
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
    status, asked = status_of(error), retry_after(error)
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


def retry_after(error: BaseException | None) -> float | None:
    """Seconds that the provider asks to wait, as a number or a date in its header; None where it asks nothing."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    value = str(headers.get("retry-after") or headers.get("Retry-After") or "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def _pause(state: RetryCallState) -> float:
    asked = retry_after(state.outcome.exception() if state.outcome else None)
    return BACKOFF(state) if asked is None else asked


def _note(llm: BaseChatModel, state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.info(
        "%s: %s, sent again in %.1f s (try %d)",
        display_name(llm), type(error).__name__, state.upcoming_sleep, state.attempt_number + 1,
    )  # fmt: skip
