"""A pasted text becomes a graph: its bounds, its cost, and the run off the page's thread.

What reading would take is said before anything is sent. The graph can be watched as it grows, and stopped at any
moment. A visitor may say kinds of relations, a line each: `works for: person -> company`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from langchain_core.language_models import BaseChatModel

from app.models import LanguageModel
from app.server.serving import TEXT_TO_GRAPH_SECONDS
from app.tasks import BackgroundRun, TimeIsOverError
from reasoning.extraction.asking import ExtractionOptions, check_able
from reasoning.extraction.extraction import Extraction
from reasoning.extraction.run import ExtractionEstimate, Run, estimate
from reasoning.extraction.schema import ExtractionSchema, RelationSchema
from reasoning.graph.names import fold
from reasoning.lm import EmbeddedChatModel
from reasoning.lm.errors import need_packages
from reasoning.lm.hosted import display_name
from skylark.errors import SkylarkError, UsageError

MOST_CHARACTERS = 20_000
MOST_PASSAGES = 50
PASSAGE_TOKENS = 200
"""Of a passage, three characters each: some five sentences, so that even a short text grows in several steps."""
REPLY_SECONDS = 90
DOCUMENT = "pasted text"
"""What the text is called: as the source of its facts, and as a graph."""

LIMITS = f"up to {MOST_CHARACTERS:,} characters, which are read in at most {MOST_PASSAGES} passages"

OPTIONS = ExtractionOptions(chunk_tokens=PASSAGE_TOKENS, timeout=REPLY_SECONDS, retries=2, cache=False)
"""How the model is asked. Its replies are not kept on disk: a visitor's text is nobody else's."""

EXAMPLE = """Marie Curie was born in Warsaw in 1867. Marie Curie studied at the University of Paris, where she met \
Pierre Curie, who was born in Paris in 1859. Marie Curie married Pierre Curie in 1895. Together they discovered \
polonium and radium. Marie Curie received the Nobel Prize in Physics in 1903 and the Nobel Prize in Chemistry in 1911.

Irène Joliot-Curie, the elder daughter of Marie Curie, was born in Paris in 1897. Irène Joliot-Curie married Frédéric \
Joliot-Curie, who had worked at the Radium Institute. Irène Joliot-Curie and Frédéric Joliot-Curie received the Nobel \
Prize in Chemistry in 1935. Their daughter, Hélène Langevin-Joliot, was born in Paris in 1927.

Ève Curie, the younger daughter of Marie Curie, was born in Paris in 1904. Ève Curie wrote the biography Madame Curie. \
Ève Curie married Henry Labouisse, who directed UNICEF. Paul Langevin was a student of Pierre Curie. Paul Langevin was \
born in Paris in 1872 and taught at the Collège de France."""
"""Example text; every sentence states facts."""


def checked_text(given: object) -> str:
    """What was pasted, with ends of lines as the reader of texts has them; "" where that is nothing (raises UsageError:
    it is no text to be read, and why)."""
    if not isinstance(given, str | None):  # anybody can send anything
        raise UsageError(f"expected a text, found {type(given).__name__}")
    text = (given or "").strip()
    if len(text) > MOST_CHARACTERS:
        raise UsageError(
            f"the text has {len(text):,} characters, and at most {MOST_CHARACTERS:,} are read here: paste a part of "
            "it, or run python -m reasoning graph extract on your own machine, which reads up to 20 MB"
        )
    # Half a surrogate pair can be sent by nobody, and would not come back to the page.
    text = text.replace("\r\n", "\n").replace("\r", "\n").encode(errors="replace").decode()
    if "\0" in text:
        raise UsageError("this is not text: it has a character of code 0. Paste the text itself and not a file's bytes")
    words = fold(text)
    if text and (not any(map(str.isalnum, text)) or (words.isascii() and " " not in words)):
        raise UsageError(
            "the text is no sentence: paste one that says how things are related, such as "
            '"Marie Curie was born in Warsaw."'
        )
    return text


FORM = "works for: person -> company"
PLACEHOLDER = f"{FORM}\nborn in: person -> place\nfounded in: company -> year"
MOST_RELATION_CHARACTERS = 4_000


def schema_of(given: object) -> ExtractionSchema | None:
    """The schema that lines say; None where they say nothing, so that the model proposes one (raises UsageError: a line
    is no relation, and which)."""
    if not isinstance(given, str | None):
        raise UsageError(f"expected relations as lines of text, found {type(given).__name__}")
    text = given or ""
    if len(text) > MOST_RELATION_CHARACTERS:
        raise UsageError(
            f"the relations have {len(text):,} characters; at most {MOST_RELATION_CHARACTERS:,} are read here"
        )
    found = [_relation(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    return ExtractionSchema(tuple(found)) if found else None


def relation_words(relation: RelationSchema) -> str:
    """A relation with what it leads from and to, for people; `schema_of` reads it back."""
    heads, tails = ", ".join(relation.heads), relation.value or ", ".join(relation.tails)
    return f"{relation.name}: {heads or 'anything'} → {tails or 'anything'}" if heads or tails else relation.name


def _relation(number: int, line: str) -> RelationSchema:
    name, _, ends = line.replace("→", "->").partition(":")
    head, arrow, tail = ends.partition("->")
    if ends.strip() and not arrow:
        raise UsageError(f'line {number} of the relations has no arrow: write it as "{FORM}", or the name alone')
    try:
        return RelationSchema.from_dict({"name": name, "head": _kinds(head), "tail": _kinds(tail)})
    except UsageError as error:
        raise UsageError(f'line {number} of the relations: {error}; write it as "{FORM}"') from None


def _kinds(words: str) -> list[str]:
    kinds = [kind.strip() for kind in words.split(",")]
    return [kind for kind in kinds if kind and kind != "anything"]


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
    """A text that is to be read, and what that would take."""

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


Ended = Literal["done", "stopped", "late"]


@dataclass(frozen=True)
class Growth:
    """How far the reading of a text is."""

    passages: int
    schema: ExtractionSchema | None = None
    extraction: Extraction | None = None
    newest: int = 0

    @property
    def read(self) -> int:
        """Passages that were read."""
        return 0 if self.extraction is None else self.extraction.passages

    @property
    def has_triples(self) -> bool:
        """Whether there is anything to make a graph of."""
        return self.extraction is not None and bool(self.extraction.triples)


class TextToGraphRun(BackgroundRun[Growth]):
    """A text that is read by a model on a thread of its own.

    `stop` ends it whoever calls: the Stop button, or a visitor who leaves. A model in this process stops between two
    tokens; of a hosted model the replies under way are waited for by nobody, and no further one is asked for.
    """

    def __init__(self, plan: Plan, llm: BaseChatModel) -> None:
        super().__init__("growing")
        if isinstance(llm, EmbeddedChatModel):
            # The weights are shared by all objects, so one for this run costs nothing.
            llm = llm.model_copy(
                update={"cancelled": self._stopped.is_set, "max_new_tokens": OPTIONS.max_new_tokens}
            )  # fmt: skip
        self.plan = plan
        self.left = False
        self.ended: Ended = "stopped"
        self._run = Run({DOCUMENT: plan.text}, llm, None, OPTIONS)
        self.growth = Growth(plan.expected.passages, plan.schema)

    def leave(self) -> None:
        """End it because its visitor has gone."""
        self.left = True
        self.stop()

    def events(self, tick: float = 0.5) -> Iterator[Growth | None]:
        """How far it is, whenever it is further; None whenever it is not for `tick` seconds. Ends when the run does
        (raises SkylarkError: the model failed; what was read before is in `growth`)."""
        if self.stopped:
            return
        try:
            for growth in self._watched(TEXT_TO_GRAPH_SECONDS, tick):
                self.growth = growth or self.growth
                yield growth
            if not self.stopped:
                self.ended = "done"
        except TimeIsOverError:
            self.ended = "late"
        finally:
            self.stop()
            # What was read just before the end counts.
            while not self._happened.empty():
                if isinstance(item := self._happened.get(), Growth):
                    self.growth = item

    def _items(self) -> Iterator[Growth]:
        schema = self.plan.schema or self._run.proposed_schema()
        growth = Growth(self.growth.passages, schema)
        yield growth
        gathering = self._run.gathering(schema)
        before = 0
        for _ in self._run.gather(gathering):
            extraction = self._run.gathered(gathering)
            yield Growth(growth.passages, schema, extraction, len(extraction.triples) - before)
            before = len(extraction.triples)


class TextToGraphRuns:
    """The texts that are read, or wait for it: one a visit."""

    def __init__(self) -> None:
        self._runs: dict[str, TextToGraphRun] = {}
        self._taken: set[str] = set()
        self._lock = threading.Lock()

    def begin(self, visit: str, run: TextToGraphRun) -> None:
        """Store the text that a visitor reads next (raises SkylarkError: another text of the visit's is being read)."""
        with self._lock:
            if visit in self._runs:
                raise SkylarkError("a text of yours is being read already: wait for its end, or stop it")
            self._runs[visit] = run

    def take(self, visit: str) -> TextToGraphRun | None:
        """What the visit wants read, once; None where that is nothing, or somebody has taken it."""
        with self._lock:
            if visit in self._taken or visit not in self._runs:
                return None
            self._taken.add(visit)
            return self._runs[visit]

    def stop(self, visit: str) -> Literal["under way", "waiting"] | None:
        """Stop what the visit has, and say whether it had begun; None where it has nothing. What waits goes at once."""
        with self._lock:
            run, begun = self._runs.get(visit), visit in self._taken
            if not begun:
                self._runs.pop(visit, None)
        if run is None:
            return None
        run.stop()
        return "under way" if begun else "waiting"

    def end(self, visit: str, run: TextToGraphRun) -> None:
        """What was taken has come to its end."""
        with self._lock:
            if self._runs.get(visit) is run:
                del self._runs[visit]
                self._taken.discard(visit)

    def forget(self, visit: str) -> None:
        """A visit is over: nothing of it goes on."""
        with self._lock:
            run = self._runs.pop(visit, None)
            self._taken.discard(visit)
        if run is not None:
            run.leave()
