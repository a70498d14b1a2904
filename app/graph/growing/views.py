"""What stands in the panel for pasted texts: which model reads, what it takes, how far it is, and what it found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from app.graph.growing.expected import Plan, extractor
from app.graph.growing.relations import relation_words
from app.graph.growing.run import Growth
from app.graph.growing.text import LIMITS
from app.models.language_model import LanguageModel
from app.models.own import offered
from app.server.limits import GROW_SECONDS, GROWING_AT_ONCE
from app.server.templates import macro, render
from app.server.words import counted
from kg_data.errors import SkylarkError, UsageError
from reasoning.extraction.extraction import Extraction
from reasoning.language import describe_llm
from reasoning.language.usage import money

MOST_LISTED = 100
"""Triples that are listed, the newest."""
MOST_FAILURES = 3
UNABLE = {
    "embedded": "The model of this page, SmolLM2 with 135 million parameters, is too small for it: it would name "
    "triples that nobody could rely on.",
    "copy": "The model of this page only repeats what it is shown.",
}
"""Why a model of the page cannot read texts, by how it is asked for."""


@dataclass(frozen=True)
class Reader:
    """Which model would read a text.

    Attributes:
        html: what a visitor should know of it before anything is pasted.
        able: whether it can.
        can_be_named: whether another one can be named in this page.
    """

    html: Markup
    able: bool
    can_be_named: bool


def reader_of_texts(model: LanguageModel) -> Reader:
    """Which model would read the text of the visitor whose event is being handled; where none can, what helps."""
    limits = (
        f"A text has {LIMITS}. {GROWING_AT_ONCE} texts of all visitors are read at once, each for at most "
        f"{GROW_SECONDS / 60:g} minutes. This server keeps neither the text nor what is made of it beyond your visit."
    )
    try:
        llm = extractor(model)
    except SkylarkError as error:
        # What the page's own models cannot do is said of them as visitors know them.
        is_pages = isinstance(error, UsageError) and model.own is None
        why = UNABLE.get(model.spec if is_pages else "", f"{str(error)[:1].upper()}{str(error)[1:]}.")
        html = render("growing/model.html", why=why, can_be_named=bool(offered()), about="", limits=limits)
        return Reader(html, False, bool(offered()))
    own, about = model.own, describe_llm(llm)
    name = about["name"] if own is None else f"{own.spec}, yours for this visit"
    where = "at the provider, to which the text is sent and whom you pay" if own is not None else about["runs"]
    html = render(
        "growing/model.html", why="", can_be_named=bool(offered()), about=Markup("Read by {}, {}.").format(name, where),
        limits=limits,
    )  # fmt: skip
    return Reader(html, True, bool(offered()))


def expected_html(plan: Plan, said: Literal["before", "anew", "under way"] = "before") -> Markup:
    """What reading takes: said before anything is sent, anew because it is something else now, or while it goes on."""
    expected = plan.expected
    low, high = expected.output_tokens
    price = "price not known here" if expected.cost is None else " to ".join(dict.fromkeys(map(money, expected.cost)))
    return render(
        "growing/expected.html",
        said=said,
        model=plan.model,
        characters=counted(len(plan.text), "character"),
        passages=counted(expected.passages, "passage"),
        requests=counted(expected.requests, "request"),
        tokens=f"about {expected.input_tokens:,} tokens in and {low:,} to {high:,} out",
        price=price,
        proposes=plan.schema is None,
        assumptions=expected.assumptions,
    )


def progress_html(growth: Growth, seconds: float) -> Markup:
    """How far the reading is, in words and as a bar; the seconds tick."""
    found = 0 if growth.extraction is None else len(growth.extraction.triples)
    if growth.schema is None:
        words = "The model proposes which relations to look for"
    elif growth.read < growth.passages:
        words = f"Reading passage {growth.read + 1:,} of {growth.passages:,}: {counted(found, 'triple')} so far"
    else:
        words = f"{counted(growth.passages, 'passage')} read: {counted(found, 'triple')}"
    bar = macro("bar", "How far the reading is", growth.read, growth.passages)
    return Markup("{}{}").format(macro("status", words, f"{seconds:.0f} s"), bar)


def found_html(growth: Growth, proposed: bool) -> Markup:
    """The triples so far, the newest first, each with the words that say it; what was looked for, and what was dropped.

    Args:
        growth: how far it is.
        proposed: whether the model proposed the relations.
    """
    if growth.schema is None:
        return Markup("")
    extraction = growth.extraction
    triples = () if extraction is None else extraction.triples
    shown = [(triple, place >= len(triples) - growth.newest) for place, triple in enumerate(triples)]
    return render(
        "growing/triples.html",
        relations=[relation_words(relation) for relation in growth.schema.relations],
        proposed=proposed,
        listed=shown[::-1][:MOST_LISTED],
        total=len(triples),
        dropped=0 if extraction is None else sum(extraction.dropped.values()),
        notes=[] if extraction is None else list(_notes(extraction)),
    )


def _notes(extraction: Extraction) -> Iterator[str]:
    """What was dropped or could not be read, in sentences."""
    for reason, count in sorted(extraction.dropped.items(), key=lambda item: -item[1]):
        yield f"{counted(count, 'triple')} {reason}"
    if extraction.cut_off:
        yield f"what stood behind the end of {counted(extraction.cut_off, 'reply', 'replies')} that became too long"
    for failure in extraction.failures[:MOST_FAILURES]:
        yield f"the passage that begins in line {failure.place.line}, which could not be read: {failure.reason}"
    if len(extraction.failures) > MOST_FAILURES:
        yield f"{counted(len(extraction.failures) - MOST_FAILURES, 'further passage')} that could not be read"


def made_html(extraction: Extraction, graph: str, how: str, seconds: float) -> Markup:
    """That the graph is there, and what came of what.

    Args:
        extraction: what came of the text.
        graph: what the graph is called in the choice.
        how: why it ended before the whole text was read, as the beginning of a sentence; "" where it did not.
        seconds: that it took.
    """
    usage = extraction.usage
    return render(
        "growing/made.html",
        how=how,
        triples=counted(len(extraction.triples), "triple"),
        passages=counted(extraction.passages, "passage"),
        graph=graph,
        took=f"{seconds:.0f} s, {usage}",
    )


def nothing_html(extraction: Extraction | None, how: str) -> Markup:
    """That there is nothing to make a graph of, and what may help."""
    read = 0 if extraction is None else extraction.passages
    dropped = 0 if extraction is None else sum(extraction.dropped.values())
    return render("growing/nothing.html", how=how, passages=counted(read, "passage"), read=read, dropped=dropped)
