"""Language models in this process as chat models, and the baseline that copies its context.

SmolLM2-135M-Instruct (Allal et al. 2025, arXiv 2502.02737; Apache-2.0) needs no key and no network and is small
enough for two cores. It is the default so that everything built on a language model can be tried at once; a larger
model answers better.

A context that holds little besides the answer is solved by repeating it, which says nothing about reasoning. The
published LARK code builds such contexts (Choudhary & Reddy 2023, arXiv 2305.01157), so the baseline stands beside
every figure of a language model here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ChatMessage, HumanMessage, SystemMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field, model_validator

from reasoning.lm.calls import CONTEXT_END, CONTEXT_START, NO_ANSWER
from reasoning.lm.constraint import Choices, Constraint, ListGrammar, by_json_schema
from reasoning.lm.decoding import Deadline, Grammar, LocalModel
from reasoning.lm.errors import LLMError
from reasoning.lm.local_weights import load_local_model, model_name
from skylark.models import check_names

_CONTEXT = re.compile(rf"^[ \t]*{CONTEXT_START}[ \t]*$(.*?)^[ \t]*{CONTEXT_END}[ \t]*$", re.MULTILINE | re.DOTALL)
_ENTITY_ID = re.compile(r"\be\d+\b")
_NAME = re.compile(r'"(?:[^"\\]|\\.)*"')


class CopyEverythingChatModel(BaseChatModel):
    """Answers with every entity between the lines `<context>` and `</context>`, or "none" where there is none.

    Entities are ids like `e12`, or names in quotes where the context has any; they come comma separated in order of
    first occurrence. If the conversation holds several contexts the last counts: earlier ones belong to worked
    examples.
    """

    @property
    def _llm_type(self) -> str:
        return "skylark-copy-everything"

    def get_num_tokens(self, text: str) -> int:
        """The number of words and punctuation marks: there is no tokenizer, and budgets only need the order."""
        return len(re.findall(r"\w+|[^\w\s]", text))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """`get_num_tokens` of each text."""
        return [self.get_num_tokens(text) for text in texts]

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        contexts = _CONTEXT.findall("\n".join(message.text for message in messages))
        answer = ", ".join(dict.fromkeys(_entities(contexts[-1]) if contexts else ())) or NO_ANSWER
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=answer))])


def _entities(context: str) -> list[str]:
    if '"' not in context:
        return _ENTITY_ID.findall(context)
    entities: list[str] = []
    for line in context.split("\n"):
        names = _NAME.findall(line)
        # Of a triple the middle name is the relation's; the line of a set holds entities only.
        entities += names[::2] if line.startswith("(") else names
    return entities


PACKAGED = "packaged"
"""Names the adapter that comes with Skylark, which belongs to the packaged model alone."""


class EmbeddedChatModel(BaseChatModel):
    """A LangChain chat model over weights in this process; always the most likely answer, so runs repeat exactly.

    The weights load at the first use, which takes about 4 s for the packaged model (10 s more the very first time, for
    the conversion), and are shared by all objects of one source, device and dtype. Any number of threads may use one
    object. Closing a stream stops the generation.

    Args:
        source: None for the packaged SmolLM2-135M-Instruct; else a folder, a .gguf file or the name of a causal
            language model with a chat template on the Hugging Face hub, fetched once if it is not in the hub's cache.
        device: "auto" (a GPU where there is one), "cpu", "cuda", "cuda:N" or "mps".
        dtype: "auto" (as stored on a GPU, float32 on a processor), "float32", "bfloat16" or "float16".
        max_new_tokens: the most tokens of one answer; also a keyword of each call.
        timeout: seconds for one answer, counted from when the weights are loaded; None for no limit; also a keyword
            of each call. An answer that is not complete by then is an `LLMTimeoutError`.
        adapter: what answers the steps of method lark: "packaged" for the adapter that comes with Skylark (of another
            model than the packaged one, none), the folder of one made by `python -m reasoning teach steps`, or None for
            the model as it is. Conversations never use it.
        choices: a keyword of each call: the names that an answer may list, and nothing else.
        schema: a keyword of each call: the JSON schema that an answer is held to, token by token.
        cancelled: asked before every token; once it says yes, the answer is given up with an `LLMError`.

    Example:
        >>> EmbeddedChatModel(max_new_tokens=8).invoke("Say hello.").text  # doctest: +SKIP
        'Hello!'
    """

    source: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    max_new_tokens: int = Field(default=96, gt=0)
    timeout: float | None = Field(default=None, gt=0)
    adapter: str | None = PACKAGED
    cancelled: Callable[[], bool] | None = Field(default=None, exclude=True)

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        check_names(self.device, self.dtype, LLMError)
        return self

    @property
    def _llm_type(self) -> str:
        return "skylark-embedded"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "model_name": self.name_of_model,
            "source": self.source,
            "device": self.device,
            "dtype": self.dtype,
            "max_new_tokens": self.max_new_tokens,
            "adapter": self.adapter,
        }

    @property
    def name_of_model(self) -> str:
        """The model's name for display, known without loading it."""
        return model_name(None) if self.source is None else self.source

    @property
    def context_window(self) -> int:
        """The most tokens of prompt and answer together (8192 for SmolLM2). Loads the model."""
        return self._local.context_window

    @property
    def _local(self) -> LocalModel:
        return load_local_model(self.source, self.device, self.dtype)

    def get_token_ids(self, text: str) -> list[int]:
        """The model's own token ids of `text`, without any control tokens."""
        return self._local.encode(text)

    def get_num_tokens(self, text: str) -> int:
        """How many of the model's own tokens `text` takes."""
        return len(self.get_token_ids(text))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many of the model's own tokens each text takes; see `token_counting.CountsOwnTokens`."""
        return self._local.count(texts)

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """How many tokens the whole prompt takes, chat template included; `tools` are not supported and add none."""
        return len(self._local.encode_chat(_turns(messages)))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **limits: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, **limits))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        *,
        max_new_tokens: int | None = None,
        timeout: float | None = None,
        choices: Choices | None = None,
        schema: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        local = self._local
        deadline = Deadline(self.timeout if timeout is None else timeout)
        prompt = local.encode_chat(_turns(messages))
        pieces = local.generate(
            prompt,
            max_new_tokens=self.max_new_tokens if max_new_tokens is None else max_new_tokens,
            stop=[string for string in stop or [] if string],
            deadline=deadline,
            cancelled=self.cancelled,
            grammar=_grammar(local, choices, schema),
        )
        for piece in pieces:
            if piece.finish is None:
                yield ChatGenerationChunk(message=AIMessageChunk(content=piece.text))
                continue
            usage = UsageMetadata(
                input_tokens=len(prompt), output_tokens=piece.tokens, total_tokens=len(prompt) + piece.tokens
            )
            # LangChain replaces a chunk's response metadata by its generation info, so it goes there.
            yield ChatGenerationChunk(
                message=AIMessageChunk(content=piece.text, usage_metadata=usage, chunk_position="last"),
                generation_info={"model_name": self.name_of_model, "finish_reason": piece.finish},
            )


def _grammar(local: LocalModel, choices: Choices | None, schema: dict[str, Any] | None) -> Grammar | None:
    if schema is not None:
        return Constraint(by_json_schema(schema), local.spelling).walk()
    return None if choices is None else ListGrammar(choices, local.encode, local.end_ids)


def _turns(messages: Sequence[BaseMessage]) -> list[dict[str, str]]:
    """Messages as the chat template takes them; an LLMError where one is not text, or comes from a tool."""
    turns = []
    for message in messages:
        match message:
            case SystemMessage():
                role = "system"
            case HumanMessage():
                role = "user"
            case AIMessage():
                role = "assistant"
            case ChatMessage():
                role = message.role
            case _:
                raise LLMError(
                    f"A model in this process reads system, user and assistant messages, not {message.type!r}"
                )
        blocks = message.content if isinstance(message.content, list) else []
        if any(isinstance(block, dict) and block.get("type") != "text" for block in blocks):
            raise LLMError("A model in this process reads text only: this message holds another kind of content")
        turns.append({"role": role, "content": message.text})
    return turns
