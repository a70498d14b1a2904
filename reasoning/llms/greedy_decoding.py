"""Greedy decoding of a model in this process, one token at a time, so that it can be streamed, stopped and shared.

`transformers.generate` would need a thread and a queue to stream, and reads the whole prompt in one pass that nothing
can interrupt. Here the prompt is read in blocks, and the model is locked for one forward pass at a time and never
between two: a caller who pauses or drops a stream holds nobody up, and a deadline is noticed within one block.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from reasoning.llms.errors import LLMError, LLMTimeoutError

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


@dataclass(frozen=True, eq=False)
class LocalModel:
    """A causal language model with its tokenizer, shared by all threads of this process.

    Args:
        name: for messages and metadata.
        model: a transformers causal language model in evaluation mode.
        tokenizer: its tokenizer, with a chat template.
        context_window: the most tokens of prompt and answer together.
        end_ids: token ids that end the model's turn.
    """

    name: str
    model: Any
    tokenizer: Any
    context_window: int
    end_ids: frozenset[int]
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
            text = self.tokenizer.apply_chat_template(plain, add_generation_prompt=True, tokenize=False)
            ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def generate(
        self, prompt: Sequence[int], *, max_new_tokens: int, stop: Sequence[str], deadline: Deadline
    ) -> Iterator[Piece]:
        """Pieces of the most likely answer, token by token; the last piece alone has `finish` set.

        Args:
            prompt: token ids.
            max_new_tokens: the most tokens to generate; the context window may allow fewer.
            stop: strings that end the answer; neither they nor what follows is part of it.
            deadline: when to give up.

        Raises:
            LLMError: the prompt leaves no room in the context window.
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
        for count, token in enumerate(self._tokens(prompt, min(max_new_tokens, room), deadline), start=1):
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

    def _tokens(self, prompt: Sequence[int], limit: int, deadline: Deadline) -> Iterator[int]:
        """Up to `limit` token ids, each the most likely after all before it."""
        from transformers import DynamicCache

        cache = DynamicCache(config=self.model.config)
        token = 0
        for begin in range(0, len(prompt), PREFILL_BLOCK):
            token = self._forward(prompt[begin : begin + PREFILL_BLOCK], cache, deadline)
        for produced in range(limit):
            yield token
            # Reading the last token would only predict one that is not wanted.
            if produced + 1 < limit:
                token = self._forward([token], cache, deadline)

    def _forward(self, ids: Sequence[int], cache: Any, deadline: Deadline) -> int:
        """Read `ids` into `cache` and return the most likely next token."""
        import torch

        left = deadline.left
        if left == 0.0 or not self._pass_lock.acquire(timeout=-1 if left is None else left):
            raise LLMTimeoutError(self.name, deadline.timeout or 0.0)
        try:
            with torch.inference_mode():
                # The cache goes by position (input_ids, attention_mask, position_ids, cache), which holds for every
                # version of transformers 5, while the parameter's name changed from `past_key_values` to `cache`.
                output = self.model(torch.tensor([list(ids)]), None, None, cache, use_cache=True, logits_to_keep=1)
                return int(output.logits[0, -1].argmax())
        finally:
            self._pass_lock.release()

    def _decode(self, ids: list[int]) -> str:
        with self._tokenizer_lock:
            text: str = self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    def _plain(self, text: str) -> str:
        for token in self.tokenizer.added_tokens_decoder.values():
            if token.special and token.content in text:
                text = text.replace(token.content, f"{token.content[0]} {token.content[1:]}")
        return text


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
