"""`ask`, `query` and `read`: one question, several, or a dialogue."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from reasoning.answer import Answer
from reasoning.cli.options import (
    add_graph,
    add_method,
    add_question_reader,
    chosen,
    lark_options,
    open_graph,
    sends_texts,
    sent_texts,
)
from reasoning.completion.predictor import CompletionOptions
from reasoning.graph.store import KnowledgeGraph
from reasoning.lm.calls import MODEL
from reasoning.parsing import ReadingOptions, looks_formal, understand
from reasoning.query.binding import bind
from reasoning.query.read_question import QuestionError, ReadQuestion
from reasoning.query.tree import Query
from reasoning.reasoner import Reasoner
from reasoning.speech.audio import load_audio
from reasoning.speech.hearing import hear_question
from reasoning.speech.model import Transcript
from reasoning.speech.whisper import PACKAGED, check_speech_model, open_speech_model
from reasoning.verbalization.answers import answer_text, answer_words, choice_lines
from skylark.command_line import FAILURE, OK, USAGE, as_json
from skylark.errors import SkylarkError, UsageError
from skylark.text import aligned, visible, visible_lines


def add_read(parser: argparse.ArgumentParser, verb: str) -> None:
    """Say what `read` takes."""
    parser.add_argument("question", metavar="QUESTION", help="the question")
    add_graph(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    add_question_reader(parser)
    parser.set_defaults(command=read)


def read(options: argparse.Namespace) -> int:
    """Print the readings, best first."""
    kg = open_graph(options)
    reading = ReadingOptions(reader=options.reader or MODEL, sure_from=options.sure_from)
    if looks_formal(options.question):
        query = Query.parse(options.question)
        bind(query, kg)
        found = ReadQuestion(options.question, query)
    else:
        found = understand(options.question, kg, options=reading)
    readings = readings_of(found, kg)
    if options.json:
        print(as_json(readings))
    elif readings:
        rows = [(f"{one['probability']:.2f}", visible(one["query"]), visible(one["words"])) for one in readings]
        print(aligned(("probability", "query", "in words"), rows))
    if found.problem:
        print(visible_lines(f"error: {found.problem}"), file=sys.stderr)
    return OK if found.query is not None else USAGE


def readings_of(found: ReadQuestion, kg: KnowledgeGraph) -> list[dict[str, Any]]:
    """The readings of a question, best first: query, probability and words."""
    return [
        {"query": str(one.query), "probability": round(one.probability, 3), "words": one.words(kg)}
        for one in found.readings
    ]


def add_speech(parser: argparse.ArgumentParser) -> None:
    """Offer `--audio` and the model that hears it."""
    speech = parser.add_argument_group("a question that is spoken")
    speech.add_argument(
        "--audio", metavar="FILE", help="a recording of the question, in English, of two minutes at most"
    )
    speech.add_argument(
        "--speech-model", metavar="M",
        help=f'"{PACKAGED}" (default), hf:name-or-folder, or a folder of a Whisper model of CTranslate2',
    )  # fmt: skip


def heard_question(options: argparse.Namespace) -> Transcript | None:
    """Transcribe the recording of `--audio` and print the transcript to stderr; None without `--audio`.

    Raises:
        UsageError: there is a question in writing as well, or a model without a recording.
        AudioError, SpeechError: the recording cannot be heard, or the model cannot be opened.
        SpokenLanguageError: it is in a language in which questions are not read.
    """
    if options.audio is None:
        if options.speech_model is not None:
            raise UsageError("--speech-model hears a recording: name one with --audio FILE")
        return None
    if options.question is not None:
        raise UsageError(
            f"there are two questions, {visible(options.question)!r} and the recording {options.audio}: ask one"
        )
    spec = PACKAGED if options.speech_model is None else options.speech_model
    # What is wrong with a model or the recording is said before anything is loaded that takes long.
    check_speech_model(spec)
    audio = load_audio(options.audio)
    heard = hear_question(audio, open_graph(options), open_speech_model(spec))
    sure = "" if heard.probability is None else f", probability {heard.probability:.2f}"
    print(visible(f"heard: {heard.text} ({heard.language_name}{sure})"), file=sys.stderr, flush=True)
    return heard


PROMPT = "> "

GREETING = 'Ask; a further question may refer to the last answer ("and its population?"). An empty line ends.'


def converse(reasoner: Reasoner, as_objects: bool) -> int:
    """Answer the lines of standard input, as a JSON object a line where asked for.

    The exit code is that of a usage error where a line that did not come from a terminal had no answer.

    Returns:
        The exit code: that of a usage error where a line that did not come from a terminal had no answer.
    """
    in_terminal = sys.stdin.isatty()
    if in_terminal:
        print(GREETING, file=sys.stderr)
    last: Answer | None = None
    answered = True
    for question in _typed() if in_terminal else filter(None, map(str.strip, sys.stdin)):
        try:
            last = reasoner.answer(question, previous=last)
        except SkylarkError as error:
            answered = False
            _say_why(question, error, reasoner, as_objects)
            continue
        if as_objects:
            _print_object({"question": question, **last.to_dict()})
        elif in_terminal:
            print(answer_words(last))
        else:
            print(visible(last.sentence or f"No answer: {last.error}"), flush=True)
            for note in last.notes:
                print(visible(f"note: {note}"), file=sys.stderr)
    return OK if answered or in_terminal else USAGE


def _typed() -> Iterator[str]:
    """The lines that are typed, until an empty one."""
    with suppress(ImportError):
        import readline  # noqa: F401  # gives `input` a history and keys to edit with
    with suppress(EOFError):
        while line := input(PROMPT).strip():
            yield line


def _say_why(question: str, error: SkylarkError, reasoner: Reasoner, as_objects: bool) -> None:
    """Say why a question has no answer, and what it may mean; the answer before it stays the last one."""
    understood = error.reading if isinstance(error, QuestionError) else None
    if as_objects:
        of_reading = {} if understood is None else understood.to_dict(reasoner.kg)
        _print_object({**of_reading, "question": question, "error": str(error)})
    lines = [] if understood is None else choice_lines(understood, reasoner.kg, "It may mean")
    for line in (visible_lines(f"error: {error}"), *lines):
        print(line, file=sys.stderr)


def _print_object(shown: dict[str, Any]) -> None:
    print(as_json(shown, indent=None), flush=True)


def add_answer(parser: argparse.ArgumentParser, verb: str) -> None:
    """Say what `ask` or `query` takes."""
    if verb == "ask":
        about = "the question; without it and without --audio questions are read line by line, each of which may refer "
        parser.add_argument("question", metavar="QUESTION", nargs="?", help=f"{about}to the answer before")
    else:
        example = 'e.g. \'borders("France") & ~currency("Euro")\''
        parser.add_argument("question", metavar="QUERY", help=example)
    add_graph(parser)
    if verb == "ask":
        add_speech(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object")
    form.add_argument("--sparql", action="store_true", help="print the query as SPARQL text, do not answer it")
    add_method(parser)
    parser.set_defaults(command=ask if verb == "ask" else query)


def ask(options: argparse.Namespace) -> int:
    """Answer a question in plain English, or say what of it was understood and what it may mean.

    Without a question those of standard input are answered, one a line.

    Raises:
        UsageError: without a question something is asked for that one question has.
    """
    heard = heard_question(options)
    if options.question is None and heard is None:
        if options.sparql or options.dry_run:
            raise UsageError(f"{'--sparql' if options.sparql else '--dry-run'} needs the QUESTION on the command line")
        return converse(_reasoner(options), options.json)
    try:
        return _answer(options, options.question if heard is None else heard.text, heard)
    except QuestionError as error:
        if error.reading is None:
            raise
        return _ask_back(options, error.reading, heard)


def query(options: argparse.Namespace) -> int:
    """Answer a logical query."""
    return _answer(options, Query.parse(options.question))


def _reasoner(options: argparse.Namespace) -> Reasoner:
    lark = lark_options(options)  # what is wrong with its model is said before a graph is loaded
    return Reasoner(
        open_graph(options),
        llm=options.llm,
        method=options.method,
        options=lark,
        completion=chosen(CompletionOptions, options),
    )


def _answer(options: argparse.Namespace, question: Query | str, heard: Transcript | None = None) -> int:
    reasoner = _reasoner(options)
    if options.sparql:
        logical, understood = reasoner.asked(question)
        for note in () if understood is None else understood.assumed:
            print(visible(f"note: {note}"), file=sys.stderr)
        print(logical.to_sparql(reasoner.kg), end="")
        return OK
    if options.dry_run and sends_texts(reasoner, question):
        texts = sent_texts(reasoner, question)
        print(as_json({"endpoint": reasoner.kg.graph_name, "queries": texts}) if options.json else "\n\n".join(texts))
        return OK
    if options.dry_run:
        estimate = reasoner.estimate([question])
        print(as_json(estimate.to_dict()) if options.json else estimate)
        return OK
    answer = reasoner.answer(question)
    print(as_json(answer.to_dict() | _heard(heard)) if options.json else answer_text(answer))
    return OK if answer.error is None else FAILURE


def _ask_back(options: argparse.Namespace, reading: ReadQuestion, heard: Transcript | None) -> int:
    kg = open_graph(options)
    if options.json:
        print(as_json(reading.to_dict(kg) | _heard(heard)))
    for line in (visible_lines(f"error: {reading.problem}"), *choice_lines(reading, kg, "It may mean")):
        print(line, file=sys.stderr)
    return USAGE


def _heard(heard: Transcript | None) -> dict[str, Any]:
    return {} if heard is None else {"heard": heard.to_dict()}
