from __future__ import annotations

import pytest
from langchain_core.language_models import FakeListChatModel

from reasoning import KnowledgeGraph, LarkOptions, Reasoner
from reasoning.lm import EmbeddedChatModel
from reasoning.lm.replies import CountsOwnTokens, count_tokens
from tests.reasoning.chat_models import ScriptedChatModel, context_lines, faultless_reply

KG = KnowledgeGraph.from_triples(
    [(start, "leads to", f"place {i}, the {i}th") for start in ("hub", "rim") for i in range(400)]
    + [(f"place {i}, the {i}th", "lies in", f'"land" {i % 9}') for i in range(400)]
)


class FaultlessWithOwnTokenizer(ScriptedChatModel):
    """Reads without fault, and counts as the embedded model does."""

    def __init__(self) -> None:
        super().__init__(faultless_reply)

    def count_tokens(self, texts: list[str]) -> list[int]:
        return EmbeddedChatModel().count_tokens(texts)


def test_a_model_without_a_tokenizer_at_hand_is_estimated_by_characters() -> None:
    assert count_tokens(FakeListChatModel(responses=["x"]), ["", "abc", "abcd"]) == [0, 1, 2]


@pytest.mark.slow
def test_the_embedded_model_counts_its_own_tokens_many_texts_at_once() -> None:
    llm = EmbeddedChatModel()
    texts = ["", "(e1, r2, e34)\n", "<|im_start|>", "naïve 日本 👩‍🔬"]
    assert isinstance(llm, CountsOwnTokens)
    assert count_tokens(llm, texts) == [llm.get_num_tokens(text) for text in texts]
    assert count_tokens(llm, []) == []


@pytest.mark.slow
@pytest.mark.parametrize("names", ["abstract", "readable"])
@pytest.mark.parametrize("query", ['"leads to"("hub")', '"lies in"("leads to"("hub"))', '"leads to"("hub") & !"hub"'])
def test_no_context_goes_beyond_its_budget_by_the_models_own_tokenizer(query: str, names: str) -> None:
    model = FaultlessWithOwnTokenizer()
    options = LarkOptions(token_budget=700, names=names, max_parts=99)  # type: ignore[arg-type]
    answer = Reasoner(KG, llm=model, method="lark", options=options).answer(query)
    sizes = model.count_tokens(["\n".join(context_lines(prompt)) for prompt in model.prompts])
    assert max(sizes) <= 700
    # Room is not wasted either.
    assert sizes[0] > 560
    assert sorted(answer.entities) == sorted(Reasoner(KG, method="exact").answer(query).entities)
