"""Asking a model one task until its reply can be read, or the repairs are used up."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np
from langchain_core.language_models import BaseChatModel

from reasoning.errors import StepError
from reasoning.execution.step_result import Attempt
from reasoning.graph.index import Ids
from reasoning.language import LLMError
from reasoning.language.calling import ask_model, at_once, usage_of
from reasoning.language.concurrent_map import concurrent_map
from reasoning.language.usage import TokenUsage
from reasoning.lark.options import LarkOptions
from reasoning.lark.prompts import retry_messages
from reasoning.lark.tasks import Task

Asked = tuple[Ids, tuple[Attempt, ...], str | None]
"""The members in the reply's order, every attempt, and why it failed if it did."""


def ask_all(llm: BaseChatModel, tasks: Sequence[Task], options: LarkOptions) -> Iterator[Asked]:
    """What each task gave, in order; a hosted model is asked several at once, see `at_once`.

    Whoever stops reading asks no further tasks.
    """
    return concurrent_map(lambda task: ask(llm, task, options), tasks, min(len(tasks), at_once(llm, options)))


def ask(llm: BaseChatModel, task: Task, options: LarkOptions) -> Asked:
    """Ask until a reply can be read."""
    messages, attempts = task.messages, []
    longest = min(task.longest_reply, options.max_new_tokens)
    for _ in range(options.repairs + 1):
        began = time.perf_counter()
        text, usage, replied = "", TokenUsage(), False
        try:
            reply = ask_model(
                llm,
                messages,
                options.timeout,
                options.retries,
                longest,
                task.naming.hopeless,
                task.naming.schema,
                task.naming.choices if options.constrained else None,
            )
            text, replied = reply.text, True
            usage = usage_of(llm, messages, reply, options)
            if reply.cut_off:
                raise StepError("the reply was cut off at its length limit")
            members = task.naming.read(text)
            if reply.stopped:
                raise StepError("the reply goes round in circles")
        except LLMError as failure:
            # The provider or the clock failed, not the reading of a reply: the same question again would not help.
            error, usage = str(failure), TokenUsage(requests=failure.requests)
        except StepError as failure:
            error = str(failure)
        else:
            attempts.append(Attempt(text, None, time.perf_counter() - began, True, usage))
            return np.array(members, dtype=np.int32), tuple(attempts), None
        attempts.append(Attempt(text, error, time.perf_counter() - began, replied, usage))
        if not replied:
            break
        messages = retry_messages(task.messages, text, error, task.naming)
    return np.zeros(0, dtype=np.int32), tuple(attempts), attempts[-1].error
