"""The dry run: what a run would take, from its real prompts, before anything is sent."""

from typing import Any

import pytest

from reasoning import KnowledgeGraph, LarkOptions, Reasoner
from reasoning.lm import TokenUsage
from tests.reasoning.chat_models import ScriptedChatModel, faultless

KG = KnowledgeGraph.from_triples(
    [
        *(("hub", "to", f"stop {number}") for number in range(60)),
        *((f"stop {number}", "on", f"end {number % 7}") for number in range(60)),
        ("end 0", "on", "end 1"),
        ("hub", "height", 300),
    ]
)
QUESTIONS = [
    'to("hub")', 'on(to("hub"))', '~on("end 3") & to("hub")', 'on("stop 1") | on("stop 2")',
    'to("hub") & !~on("end 3")', 'count(to("hub"))', 'height("hub")', 'on(on(on("end 0")))',
]  # fmt: skip


def lark(model: ScriptedChatModel, **options: Any) -> Reasoner:
    return Reasoner(KG, llm=model, method="lark", options=LarkOptions(**options))


@pytest.mark.parametrize(
    "options", [{}, {"token_budget": 160}, {"names": "readable", "token_budget": 200}, {"seed": 7}]
)
def test_a_model_without_fault_takes_what_was_estimated(options: dict[str, Any]) -> None:
    model = faultless()
    estimate = lark(model, **options).estimate(QUESTIONS)
    assert model.prompts == []
    real = TokenUsage.total(answer.usage for answer in lark(model, **options).batch(QUESTIONS))
    assert estimate.requests == real.requests == len(model.prompts)
    assert estimate.input_tokens == pytest.approx(real.input_tokens, rel=0.05)
    assert estimate.output_tokens[0] == pytest.approx(real.output_tokens, rel=0.05)
    assert real.output_tokens <= estimate.output_tokens[1]


def test_whole_queries_are_one_request_each_and_parts_one_each() -> None:
    assert lark(faultless(), token_budget=160).estimate(['to("hub")']).requests > 1
    questions = ['on(to("hub"))', 'to("hub")', 'count(to("hub"))']
    estimate = lark(faultless(), prompting="whole").estimate(questions)
    assert (estimate.requests, estimate.failing) == (2, 1)
    questions = ['to("nowhere at all")', "to(", 'flies("hub")', 'to("hub")']
    estimate = lark(faultless()).estimate(questions)
    assert (estimate.questions, estimate.failing, estimate.requests) == (4, 3, 1)


def test_the_users_prices_bound_the_cost_and_one_that_is_not_known_is_never_nothing() -> None:
    shown = lark(faultless()).estimate(QUESTIONS)
    assert shown.cost is None and "price not known" in str(shown)
    assert any("three characters are a token" in assumption for assumption in shown.assumptions)
    assert all(assumption in str(shown) for assumption in shown.assumptions)
    assert shown.to_dict()["assumptions"] == list(shown.assumptions)
    estimate = lark(faultless(), price_in=2.0, price_out=8.0).estimate(QUESTIONS)
    assert estimate.cost is not None
    for cost, output in zip(estimate.cost, estimate.output_tokens, strict=True):
        assert cost == pytest.approx((2 * estimate.input_tokens + 8 * output) / 1e6)
    nobody = Reasoner(KG, llm="nobody:nothing", method="exact").estimate(QUESTIONS)
    assert (nobody.requests, nobody.cost) == (0, (0.0, 0.0)) and "no language model is asked" in str(nobody)
