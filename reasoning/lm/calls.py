"""Calls of a language model: options, contexts, cancellation, several at once, and usage.

Python cannot end a thread, so work whose caller has gone ends itself at its next request or token; otherwise a
cancelled question would be asked, and paid for, to its last step. Data stands in a prompt between two marker lines, a
triple a line, its names quoted so that none gets out. Nothing here imports LangChain or torch.
"""

from __future__ import annotations

import argparse
import asyncio
import contextvars
import hashlib
import json
import math
import queue
import re
import threading
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from reasoning.lm.errors import LLMError
from skylark.models import check_names


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """How a language model is loaded and asked.

    Attributes:
        device: where a model in this process runs: "auto" (a GPU where there is one), "cpu", "cuda", "cuda:1", "mps".
        dtype: of its weights: "auto" (as stored on a GPU, float32 on a processor), "float32", "bfloat16", "float16".
        adapter: the folder of an adapter for a model in this process, made by `python -m reasoning teach steps`, which
            answers the steps of method lark; "packaged" for the one that comes with the embedded model.
        max_new_tokens: most tokens of one reply of a model in this process.
        timeout: seconds for one reply, retries included, turns waited for under `requests_per_minute` not.
        retries: requests sent again for one reply after an error that may pass: too many requests, an error of the
            server's, a lost connection. A chat model object of your own may retry by itself beside that.
        requests_per_minute: most requests sent to a hosted model in a minute, evenly spaced; None for no limit.
        max_concurrency: most requests under way at once; None for 4 to a provider and 1 to any other model.
        cache: keep a hosted model's replies on disk and read them back where the same is asked again.
        price_in, price_out: USD for a million tokens of prompt and of reply, where the list of known prices has no
            entry for the model or a wrong one.
    """

    device: str = "auto"
    dtype: str = "auto"
    adapter: str = "packaged"
    max_new_tokens: int = 512
    timeout: float = 120.0
    retries: int = 4
    requests_per_minute: float | None = None
    max_concurrency: int | None = None
    cache: bool = False
    price_in: float | None = None
    price_out: float | None = None

    def __post_init__(self) -> None:
        check_names(self.device, self.dtype, LLMError)
        if not (self.timeout > 0 and math.isfinite(self.timeout)):
            raise LLMError(f"timeout must be a number of seconds above 0, not {self.timeout!r}")
        if self.max_new_tokens < 1:
            raise LLMError(f"max_new_tokens must be at least 1, not {self.max_new_tokens}")
        if self.retries < 0:
            raise LLMError(f"retries must be at least 0, not {self.retries}")
        if self.max_concurrency is not None and self.max_concurrency < 1:
            raise LLMError(f"max_concurrency must be at least 1, not {self.max_concurrency}")
        rate = self.requests_per_minute
        if rate is not None and not (rate > 0 and math.isfinite(rate)):
            raise LLMError(f"requests_per_minute must be above 0, not {rate!r}")
        if (self.price_in is None) != (self.price_out is None):
            raise LLMError("price_in and price_out belong together: give both, in USD per million tokens")
        if any(not (0 <= price < math.inf) for price in (self.price_in, self.price_out) if price is not None):
            raise LLMError("price_in and price_out must be at least 0")


T = TypeVar("T")

_gone: contextvars.ContextVar[tuple[threading.Event, ...]] = contextvars.ContextVar("skylark_callers_gone", default=())


def abandoned() -> bool:
    """Whether a caller of the work that asks this has gone."""
    return any(gone.is_set() for gone in _gone.get())


def until(gone: threading.Event) -> contextvars.Context:
    """This context, for work that is abandoned once `gone` is set, and where its own caller is."""
    context = contextvars.copy_context()
    context.run(_gone.set, (*_gone.get(), gone))
    return context


def started(work: Callable[[], T], context: contextvars.Context, name: str) -> Future[T]:
    """`work` on a daemon thread of its own, in a context: unlike those of a pool, no exit and no loop waits for it."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()  # it cannot be cancelled from outside: it ends itself, see `abandoned`

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=context.run, args=(run,), name=name, daemon=True).start()
    return future


async def awaited(work: Callable[[], T], gone: threading.Event | None = None) -> T:
    """What `work` gives or raises, on a thread of its own; it is abandoned where the one who awaits it is cancelled.

    Args:
        work: anything but StopIteration may be raised.
        gone: set on cancelling; given where several pieces of work have the same caller.
    """
    caller_gone = gone or threading.Event()
    try:
        return await asyncio.wrap_future(started(work, until(caller_gone), "skylark-awaited"))
    except asyncio.CancelledError:
        caller_gone.set()
        raise


R = TypeVar("R")

LOOK_SECONDS = 0.5
"""How long one wait for a result lasts at most."""

_inside: contextvars.ContextVar[bool] = contextvars.ContextVar("skylark_inside_concurrent_map", default=False)


def concurrent_map(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """`function` of each item, in the items' order; an error comes in its item's place.

    At most `workers` calls run at once and at most twice as many items are taken ahead of the result that is waited
    for. Called inside another such map it works serially, so that `workers` bounds the whole. The threads are daemons:
    an interrupt or a reader who leaves waits for none of them; calls not begun are dropped, and those under way are
    abandoned.
    """
    if workers <= 1 or _inside.get():
        yield from map(function, items)
        return
    tasks: queue.SimpleQueue[tuple[contextvars.Context, T, Future[R]] | None] = queue.SimpleQueue()
    dropped = threading.Event()

    def work() -> None:
        while (task := tasks.get()) is not None and not dropped.is_set():
            context, item, future = task
            try:
                future.set_result(context.run(function, item))
            except BaseException as error:
                future.set_exception(error)

    waiting: deque[Future[R]] = deque()
    threads = 0
    try:
        for item in items:
            # LangChain finds the caller's tracing callbacks in the context, which a new thread doesn't inherit.
            context = until(dropped)
            context.run(_inside.set, True)
            waiting.append(Future())
            tasks.put((context, item, waiting[-1]))
            if threads < workers:
                started(work, contextvars.copy_context(), "skylark-map")
                threads += 1
            if len(waiting) == 2 * workers:
                yield _result(waiting.popleft())
        while waiting:
            yield _result(waiting.popleft())
    finally:
        dropped.set()
        for _ in range(threads):
            tasks.put(None)


def _result(future: Future[R]) -> R:
    # An interrupt that another thread received is seen only between two waits.
    while not wait([future], timeout=LOOK_SECONDS).done:
        pass
    return future.result()


CONTEXT_START, CONTEXT_END = "<context>", "</context>"

NO_ANSWER = "none"
"""The reply that says there is no answer."""

_MARKER = re.compile("|".join(map(re.escape, (CONTEXT_START, CONTEXT_END))), re.IGNORECASE)
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_JOINERS = "\u200c\u200d"


def triple_line(head: str, relation: str, tail: str) -> str:
    """A triple as a context writes it."""
    return f"({head}, {relation}, {tail})"


def quoted(name: str) -> str:
    """A name as a JSON string that stays on its line and within its quotes, whoever chose the name.

    Beside what JSON escapes, everything is escaped that ends a line for some reader (U+2028), turns the direction of
    the text, cannot be seen (so that nobody sees what it says to the model) or stands alone of a surrogate pair, and
    the angle brackets of the markers around a context. Joiners, which emoji and many scripts need, are kept.
    """
    written = _MARKER.sub(lambda marker: f"\\u003c{marker[0][1:]}", json.dumps(name, ensure_ascii=False))
    if written.isprintable():
        return written
    return "".join(
        json.dumps(character)[1:-1]
        if unicodedata.category(character) in _UNSEEN and character not in _JOINERS
        else character
        for character in written
    )


@dataclass(frozen=True)
class TokenUsage:
    """What replies took; usages add up with `+` and `total`.

    Attributes:
        requests: requests sent, those that failed included.
        cached: replies that came from the cache; they cost nothing, and their tokens are not counted.
        input_tokens: tokens of the prompts that were answered.
        output_tokens: tokens written, thinking included where the provider counts it.
        cost: USD; None where the price of any part is not known.
        estimated: whether a count is an estimate, because the model did not state its own.
    """

    requests: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = 0.0
    estimated: bool = False

    def __add__(self, other: TokenUsage) -> TokenUsage:
        cost = None if self.cost is None or other.cost is None else self.cost + other.cost
        return TokenUsage(
            self.requests + other.requests,
            self.cached + other.cached,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            cost,
            self.estimated or other.estimated,
        )

    @classmethod
    def total(cls, usages: Iterable[TokenUsage]) -> TokenUsage:
        """The sum of any number of usages."""
        return sum(usages, cls())

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return {
            "requests": self.requests,
            "cached": self.cached,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": self.cost if self.cost is None else round(self.cost, 8),
            "estimated": self.estimated,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> TokenUsage:
        """What `to_dict` wrote."""
        return cls(**{"cost" if name == "cost_usd" else name: value for name, value in stored.items()})

    def __str__(self) -> str:
        """In words, for a terminal: what was sent, what it held, what it cost."""
        about = "about " if self.estimated else ""
        parts = [f"{self.requests:,} request{'' if self.requests == 1 else 's'}"]
        if self.cached:
            parts.append(f"{self.cached:,} repl{'y' if self.cached == 1 else 'ies'} from the cache")
        parts.append(f"{about}{self.input_tokens:,} tokens in and {self.output_tokens:,} out")
        parts.append(money(self.cost))
        return ", ".join(parts)


NO_USAGE = TokenUsage()
"""Nothing was asked."""


@dataclass(frozen=True)
class ExpectedUsage:
    """What requests to a model would take.

    Attributes:
        requests: how many.
        input_tokens: tokens of their prompts.
        output_tokens: tokens of the replies: of the briefest that are to be expected, and of the longest.
        cost: USD for these two; None where the price is not known.
        assumptions: what the figures take for granted, each in a sentence.
    """

    requests: int
    input_tokens: int
    output_tokens: tuple[int, int]
    cost: tuple[float, float] | None
    assumptions: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return {
            "requests": self.requests,
            "input_tokens": self.input_tokens,
            "output_tokens": list(self.output_tokens),
            "cost_usd": None if self.cost is None else [round(bound, 6) for bound in self.cost],
            "assumptions": list(self.assumptions),
        }

    def __str__(self) -> str:
        """In words, for a terminal: lines below one that says what of."""
        low, high = self.output_tokens
        bill = "price not known" if self.cost is None else " to ".join(dict.fromkeys(map(money, self.cost)))
        lines = [
            f"  requests       {self.requests:,}",
            f"  tokens in      about {self.input_tokens:,}",
            f"  tokens out     {low:,} to {high:,}",
            f"  cost           {bill}",
            "It takes for granted that:",
            *(f"  - {assumption}" for assumption in self.assumptions),
        ]
        return "\n".join(lines)


def money(cost: float | None) -> str:
    """A sum in USD in words."""
    if cost is None:
        return "price not known"
    return "no cost" if cost == 0 else f"{cost:.2g} USD" if cost < 0.01 else f"{cost:,.2f} USD"


MODEL = "model"
"""The packaged adapter; any other reader is the folder of one."""


def adapter_folder(reader: str, packaged: Path) -> Path:
    """The folder of a reader's adapter, by its path or `MODEL` for the packaged one; an LLMError where there is no such
    reader."""
    if reader == MODEL:
        return packaged
    if not (folder := Path(reader).expanduser()).is_dir():
        raise LLMError(f'There is no reader "{reader}": take "{MODEL}", the packaged one, or the folder of an adapter')
    return folder


def add_reader(parser: argparse.ArgumentParser, job: str) -> None:
    """Offer `--reader`; `job` is what `teach` calls the making of adapters for it."""
    about = f"{MODEL} (default), or the folder of an adapter made by `teach {job}`"
    parser.add_argument("--reader", metavar="R", help=about)


def folder_digest(folder: Path) -> str:
    """A hex digest of the adapter in a folder; of none, that of nothing."""
    files = sorted(path for path in folder.glob("*") if path.suffix in (".json", ".safetensors"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
