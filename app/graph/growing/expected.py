"""What reading a text would take, said before anything is sent; and the model that would read it."""

from __future__ import annotations

from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel

from app.graph.growing.relations import schema_of
from app.graph.growing.text import DOCUMENT, MOST_PASSAGES, OPTIONS, checked_text
from app.models.language_model import LanguageModel
from kg_data.errors import UsageError
from reasoning.extraction.asking import check_able
from reasoning.extraction.estimate import ExtractionEstimate, estimate
from reasoning.extraction.run import Run
from reasoning.extraction.schema import ExtractionSchema
from reasoning.language.errors import need_packages
from reasoning.language.hosted.providers import display_name


def extractor(model: LanguageModel) -> BaseChatModel:
    """The model that reads the texts of the visitor whose event is being handled: the visitor's own, else the page's.

    Raises:
        UsageError: it is not up to it.
        LLMError: there is none, or a package is missing.
    """
    llm = model.for_run()
    check_able(llm)
    need_packages("Making a graph of a text", "semantic_text_splitter")
    return llm


@dataclass(frozen=True)
class Plan:
    """A text that is to be read, and what that would take.

    Attributes:
        text, schema: what is read, and the relations that are looked for; None where the model proposes them.
        model: which model, in words.
        expected: what it takes.
    """

    text: str
    schema: ExtractionSchema | None
    model: str
    expected: ExtractionEstimate

    @property
    def is_free(self) -> bool:
        """Whether nobody charges for it."""
        return self.expected.cost == (0.0, 0.0)


def planned(text: object, relations: object, model: LanguageModel) -> Plan | None:
    """What would be read, and what that takes; None where there is no text. Nothing is sent.

    Raises:
        UsageError: the text, a relation or the model cannot be used.
        LLMError: there is no model.
    """
    read = checked_text(text)
    if not read:
        return None
    schema, llm = schema_of(relations), extractor(model)
    run = Run({DOCUMENT: read}, llm, None, OPTIONS)
    expected = estimate(run, schema)
    if expected.passages > MOST_PASSAGES:
        raise UsageError(
            f"the text would be read in {expected.passages} passages, each of which is a request to the model, and at "
            f"most {MOST_PASSAGES} are read here: paste a part of it"
        )
    own = model.own
    return Plan(read, schema, display_name(llm) if own is None else own.spec, expected)
