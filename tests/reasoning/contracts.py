"""What every method and every language model owes: inherit, and give the method's name, or the model."""

from collections.abc import Sequence
from typing import ClassVar

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage

from reasoning import KnowledgeGraph, Query, Reasoner
from reasoning.completion.predictor import CompletionOptions
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

    def test_it_is_found_by_its_name(self) -> None:
        assert METHODS[self.method].name == self.method

    def test_an_unknown_name_is_an_error_before_anything_happens(self, reasoner: Reasoner) -> None:
        with pytest.raises(UnknownEntityError, match="Zoe"):
            next(iter(reasoner.events('works_in("Zoe")')))

    def test_steps_are_in_order_and_the_answer_comes_last(self, reasoner: Reasoner, kg: KnowledgeGraph) -> None:
        for query in self.queries:
            *events, last = reasoner.events(query)
            assert isinstance(last, Finished) and not any(isinstance(event, Finished) for event in events)
            begun = [event.step.position for event in events if isinstance(event, StepStarted)]
            ended = [event.result.step.position for event in events if isinstance(event, StepFinished)]
            answer = last.answer
            assert begun == ended == sorted(ended) == [step.step.position for step in answer.steps]
            assert answer.method == self.method and str(answer.query) == str(Query.parse(query))
            assert set(Reasoner(kg, method="exact").answer(query).entities) <= set(answer.entities)
            assert len(set(answer.entities)) == len(answer.entities)
            scores = [score for score in answer.scores if score is not None]
            assert scores == sorted(scores, reverse=True)
            again = reasoner.answer(query)
            assert (again.entities, again.scores) == (answer.entities, answer.scores)
            assert {"query", "method", "answers", "value", "steps", "evidence"} <= answer.to_dict().keys()


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
