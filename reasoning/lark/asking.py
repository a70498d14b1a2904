"""Asking a model one task until its reply can be read, or the attempts are used up."""

from __future__ import annotations

import time

import numpy as np
from langchain_core.language_models import BaseChatModel

from reasoning.answer import Attempt
from reasoning.errors import StepError
from reasoning.graph.index import Ids
from reasoning.lark.options import LarkOptions
from reasoning.lark.tasks import Task
from reasoning.llms import LLMError, invoke_with_timeout
from reasoning.llms.calling import STOPPED
from reasoning.prompts import retry_messages

CUT_OFF = ("length", "max_tokens")
"""What providers call a reply that ended at its length limit."""


def ask(llm: BaseChatModel, task: Task, options: LarkOptions) -> tuple[Ids, tuple[Attempt, ...], str | None]:
    """Ask until a reply can be read: the members in the reply's order, every attempt, and why it failed if it did."""
    messages, attempts = task.messages, []
    for _ in range(options.attempts):
        began = time.perf_counter()
        reply, fatal = "", False
        try:
            message = invoke_with_timeout(
                llm,
                messages,
                options.timeout,
                min(task.longest_reply, options.max_new_tokens),
                task.naming.hopeless,
            )
            reply = message.text
            finish = message.response_metadata
            if any(str(finish.get(key)).lower() in CUT_OFF for key in ("finish_reason", "done_reason", "stop_reason")):
                raise StepError("the reply was cut off at its length limit")
            members = task.naming.read(reply)
            if finish.get("finish_reason") == STOPPED:
                raise StepError("the reply goes round in circles")
        except LLMError as failure:
            # The provider or the clock failed, not the reading of a reply: the same question again would not help.
            error, fatal = str(failure), True
        except StepError as failure:
            error = str(failure)
        else:
            attempts.append(Attempt(reply, None, time.perf_counter() - began))
            return np.array(members, dtype=np.int32), tuple(attempts), None
        attempts.append(Attempt(reply, error, time.perf_counter() - began, replied=not fatal))
        if fatal:
            break
        messages = retry_messages(task.messages, reply, error, task.naming)
    return np.zeros(0, dtype=np.int32), tuple(attempts), attempts[-1].error
