"""What every method and every language model owes: inherit, and give the method's name, or the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage

from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.completion.options import CompletionOptions
from reasoning.errors import UnknownEntityError
from reasoning.execution.conclusion import Finished, StepFinished, StepStarted
from reasoning.lm import ask_model
from reasoning.lm.replies import count_tokens
from reasoning.methods import METHODS
from tests.reasoning.chat_models import faultless

TRIPLES = (
    ("Ann", "works_in", "Sales"), ("Bob", "works_in", "Sales"), ("Cem", "works_in", "Legal"),
    ("Dee", "works_in", "Legal"),
    ("Ann", "knows", "Cem"), ("Bob", "knows", "Cem"), ("Bob", "knows", "Dee"), ("Dee", "knows", "Ann"),
)  # fmt: skip
QUERIES = (
    'works_in("Ann")', '~works_in("Sales")', 'works_in(knows("Bob"))', '~works_in("Sales") & ~knows("Cem")',
    'knows("Ann") | knows("Dee")', 'knows("Bob") & !knows("Ann")',
)  # fmt: skip


class MethodContract:
    """Subclasses name the `method`; where it needs a predictor they give `completion` as well."""

    method: ClassVar[str]
    queries: ClassVar[Sequence[str]] = QUERIES

    @pytest.fixture
    def kg(self) -> KnowledgeGraph:
        return KnowledgeGraph.from_triples(TRIPLES)

    @pytest.fixture
    def completion(self, kg: KnowledgeGraph) -> CompletionOptions | None:
        return None

    @pytest.fixture
    def reasoner(self, kg: KnowledgeGraph, completion: CompletionOptions | None) -> Reasoner:
        return Reasoner(kg, llm=faultless(), method=self.method, completion=completion)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "query" in metafunc.fixturenames:
            metafunc.parametrize("query", self.queries)

    def test_it_is_found_by_its_name(self) -> None:
        assert METHODS[self.method].name == self.method

    def test_the_answer_comes_last_and_once(self, reasoner: Reasoner, query: str) -> None:
        events = list(reasoner.events(query))
        assert isinstance(events[-1], Finished)
        assert sum(isinstance(event, Finished) for event in events) == 1
        answer = events[-1].answer
        assert answer.method == self.method and str(answer.query) == str(Query.parse(query))

    def test_every_step_begins_and_ends_in_order(self, reasoner: Reasoner, query: str) -> None:
        events = list(reasoner.events(query))
        begun = [event.step.position for event in events if isinstance(event, StepStarted)]
        ended = [event.result.step.position for event in events if isinstance(event, StepFinished)]
        assert begun == ended == sorted(ended)
        last = events[-1]
        assert isinstance(last, Finished) and [step.step.position for step in last.answer.steps] == ended

    def test_what_the_graph_says_is_among_the_answers(self, reasoner: Reasoner, kg: KnowledgeGraph, query: str) -> None:
        exact = Reasoner(kg, method="exact").answer(query)
        assert set(exact.entities) <= set(reasoner.answer(query).entities)

    def test_scores_fall_and_each_entity_is_given_once(self, reasoner: Reasoner, query: str) -> None:
        answer = reasoner.answer(query)
        assert len(set(answer.entities)) == len(answer.entities)
        scores = [score for score in answer.scores if score is not None]
        assert scores == sorted(scores, reverse=True)

    def test_the_same_question_has_the_same_answer(self, reasoner: Reasoner, query: str) -> None:
        one, other = reasoner.answer(query), reasoner.answer(query)
        assert (one.entities, one.scores) == (other.entities, other.scores)

    def test_an_unknown_name_is_an_error_before_anything_happens(self, reasoner: Reasoner) -> None:
        with pytest.raises(UnknownEntityError, match="Zoe"):
            next(iter(reasoner.events('works_in("Zoe")')))

    def test_an_answer_goes_into_json(self, reasoner: Reasoner, query: str) -> None:
        written = reasoner.answer(query).to_dict()
        assert {"query", "method", "answers", "value", "steps", "evidence"} <= written.keys()


class ModelContract:
    """Subclasses give the fixture `model`: any LangChain chat model that is to answer steps."""

    @pytest.fixture
    def model(self) -> BaseChatModel:
        raise NotImplementedError

    def test_a_reply_is_text_and_its_tokens_are_counted(self, model: BaseChatModel) -> None:
        prompt = "<context>\n(e1, r1, e2)\n</context>\nFind ? in (e1, r1, ?)"
        reply = ask_model(model, [HumanMessage(prompt)], 60)
        assert isinstance(reply.text, str) and reply.requests >= 1
        counted = count_tokens(model, ["one", "one two three four five six seven eight nine"])
        assert 0 < counted[0] < counted[1]

    def test_it_answers_the_steps_of_a_chain_and_sees_no_name(self, model: BaseChatModel) -> None:
        answer = Reasoner(KnowledgeGraph.from_triples(TRIPLES), llm=model, method="lark").answer('works_in("Ann")')
        (step,) = answer.steps
        assert step.attempts and all(attempt.replied for attempt in step.attempts)
        assert not any(name in attempt.reply for attempt in step.attempts for name in ("Ann", "Sales"))
