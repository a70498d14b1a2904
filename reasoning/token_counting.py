"""How many tokens a text takes, for budgets: by the model's own tokenizer where it is at hand, else an estimate."""

from __future__ import annotations

import math
from collections.abc import Sequence

from langchain_core.language_models import BaseChatModel

from reasoning.llms import CopyEverythingChatModel, EmbeddedChatModel

CHARACTERS_PER_TOKEN = 3.0
"""Of hosted models, whose tokenizers are not here: English takes about 4, ids and names less; low is the safe side."""


def count_tokens(llm: BaseChatModel, texts: Sequence[str]) -> list[int]:
    """Tokens of each text. LangChain's own default would load GPT-2's tokenizer from a hub, so it is not used."""
    if isinstance(llm, EmbeddedChatModel | CopyEverythingChatModel):
        return [llm.get_num_tokens(text) for text in texts]
    return [math.ceil(len(text) / CHARACTERS_PER_TOKEN) for text in texts]
