"""Greedy decoding, one token at a time, with forward passes that several callers share.

`transformers.generate` would need a thread and a queue to stream, and reads the whole prompt in one pass that nothing
can interrupt. Here the prompt is read in blocks, and the model is locked for one forward pass at a time and never
between two: a caller who pauses or drops a stream holds nobody up, and a deadline is noticed within one block.

A small pass leaves a model nearly empty, and most of its time goes into reading the weights from memory: whoever asks
while a pass is under way is in the next one.
"""

from __future__ import annotations

import inspect
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, Literal, Protocol, TypeVar

from reasoning.lm.calls import abandoned
from reasoning.lm.constraint import Spelling, read_spelling
from reasoning.lm.errors import LLMError, LLMTimeoutError

PATIENCE = 0.05
"""Seconds for which a pass waits for those who are known to ask next."""

Asked = TypeVar("Asked")
Reply = TypeVar("Reply")


@dataclass(eq=False)
class _Request(Generic[Asked, Reply]):
    asked: Asked
    reply: Future[Reply] = field(default_factory=Future)


class SharedPasses(Generic[Asked, Reply]):
    """Serves any number of threads with one model, `most` requests in one pass; replies come in the order of what is
    asked."""

    def __init__(self, serve: Callable[[Sequence[Asked]], Sequence[Reply]], most: int = sys.maxsize) -> None:
        self._serve, self._most = serve, most
        self._waiting: list[_Request[Asked, Reply]] = []
        self._asking, self._serving = 0, False
        self._changed = threading.Condition()
        self._thread = ThreadPoolExecutor(1, "passes")

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Of a caller who asks again and again: a pass waits a moment for all of them, so that they share it."""
        with self._changed:
            self._asking += 1
        try:
            yield
        finally:
            with self._changed:
                self._asking -= 1
                self._changed.notify_all()

    def ask(self, asked: Asked, timeout: float = -1, cancelled: Callable[[], bool] | None = None) -> Reply:
        """The reply to one request; an LLMError where the pass failed, others held the model for `timeout` seconds (-1:
        any), or `cancelled` says, before a pass begins, that nobody waits any more."""
        request: _Request[Asked, Reply] = _Request(asked)
        with self._changed:
            self._waiting.append(request)
            self._changed.notify_all()
        try:
            while self._may_serve(request, timeout):
                try:
                    if (cancelled is not None and cancelled()) or abandoned():
                        raise LLMError("the reply was cancelled")
                    self._serve_waiting()
                finally:
                    with self._changed:
                        self._serving = False
                        self._changed.notify_all()
        finally:
            with self._changed:
                self._waiting = [other for other in self._waiting if other is not request]
        if (error := request.reply.exception()) is not None:
            raise LLMError(f"the model's pass failed ({type(error).__name__}: {error})") from error
        return request.reply.result()

    def _may_serve(self, request: _Request[Asked, Reply], timeout: float) -> bool:
        """Wait for the reply (False), or for nobody to be serving: whoever asked serves then (True), or an LLMError in
        time."""
        with self._changed:
            if not self._changed.wait_for(
                lambda: request.reply.done() or not self._serving, None if timeout < 0 else timeout
            ):
                raise LLMError(f"others held the model for {timeout:g} s")
            if request.reply.done():
                return False
            self._serving = True
            return True

    def _serve_waiting(self) -> None:
        """Serve requests that wait, the first ones first; nobody else does meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) >= min(self._asking, self._most), PATIENCE)
            requests, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        try:
            asked = [one.asked for one in requests]
            # Each thread that multiplies has helpers and memory of its own and keeps both, so many callers have one.
            replies = self._thread.submit(self._serve, asked).result() if self._asking > 1 else self._serve(asked)
        except Exception as error:
            for request in requests:
                request.reply.set_exception(error)
        else:
            for request, reply in zip(requests, replies, strict=True):
                request.reply.set_result(reply)


# Prompt tokens in one forward pass. 256 is as fast as the whole prompt at once (about 560 tokens a second on two
# cores), and bounds what a deadline can be late by to half a second.
PREFILL_BLOCK = 256
UNFINISHED_CHARACTER = "\ufffd"


@dataclass(frozen=True)
class Piece:
    """A stretch of answer text as it became certain.

    Args:
        text: the new text; may be empty in the last piece.
        tokens: tokens generated so far, the one that ended the turn included.
        finish: None while more follows; "stop" at the end of the turn or a stop string, "length" at the token limit.
    """

    text: str
    tokens: int
    finish: Literal["stop", "length"] | None = None


@dataclass(frozen=True)
class Deadline:
    """A point in time after which a generation is given up; `timeout` in seconds from its making, None for never."""

    timeout: float | None
    start: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float | None:
        """Seconds left, not below 0; None where there is no limit."""
        return None if self.timeout is None else max(0.0, self.start + self.timeout - time.monotonic())


class Grammar(Protocol):
    """What a reply is held to."""

    def allowed(self, written: Sequence[int], /) -> list[int]:
        """The tokens that may follow those written so far."""
        ...


@dataclass(frozen=True, eq=False)
class LocalModel:
    """A causal language model with its tokenizer, shared by all threads of this process.

    Args:
        name: for messages and metadata.
        model: a transformers causal language model in evaluation mode.
        tokenizer: its tokenizer, with a chat template.
        context_window: the most tokens of prompt and answer together.
        end_ids: token ids that end the model's turn.
        device: where the model is, by torch's name.
    """

    name: str
    model: Any
    tokenizer: Any
    context_window: int
    end_ids: frozenset[int]
    device: str = "cpu"
    _pass_lock: threading.Lock = field(default_factory=threading.Lock)
    # The Rust tokenizer refuses to be configured by one thread while another encodes ("Already borrowed").
    _tokenizer_lock: threading.Lock = field(default_factory=threading.Lock)

    def encode(self, text: str) -> list[int]:
        """The token ids of plain text; what looks like a control token is spelled out as ordinary ones."""
        with self._tokenizer_lock:
            ids: list[int] = self.tokenizer(self._plain(text), add_special_tokens=False)["input_ids"]
        return ids

    def count(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, by one call of the tokenizer."""
        if not texts:
            return []
        with self._tokenizer_lock:
            plain = [self._plain(text) for text in texts]
            ids = self.tokenizer(plain, add_special_tokens=False, return_attention_mask=False)["input_ids"]
        return [len(row) for row in ids]

    def encode_chat(self, turns: Sequence[dict[str, str]]) -> list[int]:
        """The token ids of a conversation ({"role", "content"} each) up to where the assistant's next turn begins.

        Contents may come from strangers, and the template puts them beside control tokens that mark whose words they
        are: control tokens inside a content are broken up, so that no name can close its turn and open another.
        """
        plain = [{"role": turn["role"], "content": self._plain(turn["content"])} for turn in turns]
        with self._tokenizer_lock:
            try:
                text = self._templated(plain)
            except Exception as error:  # jinja's, raised by the template itself
                # Some templates know no system role (Gemma); its words then open the user's first turn.
                if not (folded := _without_system(plain)):
                    raise LLMError(f"The chat template of {self.name} refuses the conversation: {error}") from error
                text = self._templated(folded)
            ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _templated(self, turns: Sequence[dict[str, str]]) -> str:
        # Models that can think at length before they answer (Qwen3) are told not to: the replies asked for are short
        # lists, and their time is bounded. Templates that know no such switch ignore it.
        text: str = self.tokenizer.apply_chat_template(
            turns, add_generation_prompt=True, tokenize=False, enable_thinking=False
        )
        return text

    @cached_property
    def spelling(self) -> Spelling:
        """What its tokens spell, for grammars."""
        return read_spelling(self.tokenizer, sorted(self.end_ids))

    def generate(
        self,
        prompt: Sequence[int],
        *,
        max_new_tokens: int,
        stop: Sequence[str],
        deadline: Deadline,
        cancelled: Callable[[], bool] | None = None,
        grammar: Grammar | None = None,
    ) -> Iterator[Piece]:
        """Pieces of the most likely answer, token by token; the last piece alone has `finish` set.

        Args:
            prompt: token ids.
            max_new_tokens: the most tokens to generate; the context window may allow fewer.
            stop: strings that end the answer; neither they nor what follows is part of it.
            deadline: when to give up.
            cancelled: asked before every pass through the model; once it says yes, or nobody
                waits for the answer any more, it is given up.
            grammar: what the answer is held to.

        Raises:
            LLMError: the prompt leaves no room in the context window, or the answer was cancelled.
            LLMTimeoutError: the deadline passed.
        """
        room = self.context_window - len(prompt)
        if room < 1:
            raise LLMError(
                f"The prompt has {len(prompt)} tokens, but {self.name} reads at most {self.context_window - 1}: "
                f"give it a smaller context"
            )
        ids: list[int] = []
        sent = 0
        finish: Literal["stop", "length"] = "length"
        text = ""
        count = 0
        tokens = self._tokens(prompt, min(max_new_tokens, room), deadline, cancelled, grammar)
        for count, token in enumerate(tokens, start=1):
            if token in self.end_ids:
                finish = "stop"
                break
            ids.append(token)
            text = self._decode(ids)
            cut = min((at for at in (text.find(s) for s in stop) if at >= 0), default=None)
            if cut is not None:
                text, finish = text[:cut], "stop"
                break
            certain = _certain_length(text, stop)
            if certain > sent:
                yield Piece(text[sent:certain], count)
                sent = certain
        yield Piece(text[sent:], count, finish)

    def _tokens(
        self,
        prompt: Sequence[int],
        limit: int,
        deadline: Deadline,
        cancelled: Callable[[], bool] | None,
        grammar: Grammar | None,
    ) -> Iterator[int]:
        """Up to `limit` token ids, each the most likely after all before it."""
        from transformers import DynamicCache

        cache = DynamicCache(config=self.model.config.get_text_config())
        token = 0
        written: list[int] = []
        allowed = None if grammar is None else grammar.allowed(written)
        for begin in range(0, len(prompt), PREFILL_BLOCK):
            token = self._forward(prompt[begin : begin + PREFILL_BLOCK], cache, deadline, cancelled, allowed)
        for produced in range(limit):
            yield token
            if grammar is not None:
                written.append(token)
                allowed = grammar.allowed(written)
            # Reading the last token would only predict one that is not wanted.
            if produced + 1 < limit:
                token = self._forward([token], cache, deadline, cancelled, allowed)

    def _forward(
        self,
        ids: Sequence[int],
        cache: Any,
        deadline: Deadline,
        cancelled: Callable[[], bool] | None,
        allowed: Sequence[int] | None,
    ) -> int:
        """Read `ids` into `cache` and return the most likely next token, of those allowed where they are given; an
        LLMTimeoutError by the deadline, an LLMError where the memory is too small for a conversation of this length."""
        import torch

        if (cancelled is not None and cancelled()) or abandoned():
            raise LLMError("the reply was cancelled")
        left = deadline.left
        if left == 0.0 or not self._pass_lock.acquire(timeout=-1 if left is None else left):
            raise LLMTimeoutError(self.name, deadline.timeout or 0.0)
        try:
            with torch.inference_mode():
                tokens = torch.tensor([list(ids)], device=self.device)
                output = self.model(tokens, use_cache=True, **{self._cache_name: cache}, **self._last_only)
                logits = output.logits[0, -1]
                return int(logits.argmax()) if allowed is None else allowed[int(logits[list(allowed)].argmax())]
        except (torch.OutOfMemoryError, MemoryError):
            raise LLMError(
                f"{self.name} ran out of the memory of {self.device}: give it a smaller context, or take a smaller "
                f"model or the dtype bfloat16"
            ) from None
        finally:
            self._pass_lock.release()

    @cached_property
    def _parameters(self) -> frozenset[str]:
        return frozenset(inspect.signature(self.model.forward).parameters)

    @cached_property
    def _cache_name(self) -> str:
        """What the model calls its cache: the name changed within transformers 5; an LLMError where it has none."""
        for name in ("cache", "past_key_values"):
            if name in self._parameters:
                return name
        raise LLMError(f"{self.name} keeps no cache of keys and values, which decoding here needs: take another model")

    @cached_property
    def _last_only(self) -> dict[str, int]:
        return {"logits_to_keep": 1} if "logits_to_keep" in self._parameters else {}

    def _decode(self, ids: list[int]) -> str:
        with self._tokenizer_lock:
            text: str = self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    def _plain(self, text: str) -> str:
        for token in self.tokenizer.added_tokens_decoder.values():
            if token.special and token.content in text:
                text = text.replace(token.content, f"{token.content[0]} {token.content[1:]}")
        return text


def _without_system(turns: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """The turns with a leading system turn put before the first user turn's words; [] where there is none."""
    if len(turns) < 2 or turns[0]["role"] != "system" or turns[1]["role"] != "user":
        return []
    return [{"role": "user", "content": f"{turns[0]['content']}\n\n{turns[1]['content']}"}, *turns[2:]]


def _certain_length(text: str, stop: Sequence[str]) -> int:
    """How many characters of `text` can no longer change: not half a character, nor what may begin a stop string."""
    whole = len(text.rstrip(UNFINISHED_CHARACTER))
    begun = (
        length
        for string in stop
        for length in range(1, min(len(string) - 1, whole) + 1)
        if text.endswith(string[:length], 0, whole)
    )
    return whole - max(begun, default=0)
