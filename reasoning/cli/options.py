"""Options that several commands share, and what they mean."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from kg_data.loaders import LoadingOptions
from reasoning.errors import EvaluationError
from reasoning.execution.remote_results import RemoteStepResults
from reasoning.graph.store import KnowledgeGraph
from reasoning.lark import LarkOptions
from reasoning.lm import load_llm
from reasoning.lm.calls import add_reader
from reasoning.lm.hosted import runs_here
from reasoning.methods import METHODS
from reasoning.query.binding import bind
from reasoning.query.tree import Query
from reasoning.reasoner import Reasoner
from skylark.command_line import positive
from skylark.errors import SkylarkError

Options = TypeVar("Options")


def add_graph(parser: argparse.ArgumentParser) -> None:
    """Offer `--kg`, and what a file of one's own does not say of itself."""
    parser.add_argument(
        "--kg", required=True, metavar="GRAPH",
        help="built-in name, data-set name or folder, file, or sparql:URL of an endpoint",
    )  # fmt: skip
    add_loading(parser)
    parser.add_argument(
        "--refresh", action="store_true", help="of an endpoint: find out anew what the graph is like; kept for a day"
    )


def add_dataset(parser: argparse.ArgumentParser) -> None:
    """Offer `--kg` for what needs a graph in splits, which no file has."""
    parser.add_argument("--kg", required=True, metavar="GRAPH", help="data-set name or folder")


def add_loading(parser: argparse.ArgumentParser) -> None:
    """Offer the options of `KnowledgeGraph.load`."""
    group = parser.add_argument_group("a graph of one's own in a file")
    group.add_argument(
        "--table", action=argparse.BooleanOptionalAction, default=None,
        help="the file is a table: a header, then a row for each thing; --no-table: triples, though it looks like one",
    )  # fmt: skip
    group.add_argument("--cell-separator", metavar="S", help="stands between several values of a cell, such as ;")
    group.add_argument("--infer-values", action="store_true", help="numbers and dates are values, not entities")
    group.add_argument("--mapping", type=Path, metavar="FILE", help="what is renamed, hidden and defined, as TOML")
    group.add_argument("--skip-broken", action="store_true", help="leave broken lines out and say which")


def add_question_reader(parser: argparse.ArgumentParser) -> None:
    """Offer who reads questions, and how sure that must be."""
    add_reader(parser, "questions")
    parser.add_argument(
        "--sure-from", type=float, metavar="P",
        help="answer what is read with this probability, ask back below; default: as fitted; 0: the likeliest reading",
    )  # fmt: skip


def add_requests(group: Any) -> None:
    """Offer how requests to a hosted model are sent; `group` is an argument group."""
    group.add_argument("--retries", type=int, metavar="N", help="requests sent again after an error that may pass (4)")
    group.add_argument("--requests-per-minute", type=float, metavar="N", help="most requests a minute, evenly spaced")
    group.add_argument("--max-concurrency", type=positive, metavar="N", help="most requests under way at once")


def add_device(group: Any) -> None:
    """Offer where a model of this process runs, and in which numbers."""
    group.add_argument("--device", metavar="D", help="auto (default), cpu, cuda, cuda:N or mps")
    group.add_argument("--dtype", metavar="T", help="auto (default), float32, bfloat16 or float16")


def chosen(kind: type[Options], options: argparse.Namespace) -> Options:
    """An options value of what the command line says; its defaults stand for the rest."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: value for name in names if (value := getattr(options, name, None)) is not None})


def loading_options(options: argparse.Namespace) -> LoadingOptions:
    """The `LoadingOptions` that the command line asks for.

    Raises:
        UsageError: they do not go together.
    """
    given = options.table, options.cell_separator, options.infer_values, options.skip_broken
    return LoadingOptions(*given, None if options.mapping is None else options.mapping.resolve())


def open_graph(options: argparse.Namespace, splits: Sequence[str] | None = None) -> KnowledgeGraph:
    """The graph that the command line names, or some splits of it."""
    return KnowledgeGraph.load(options.kg, splits, **asdict(loading_options(options)), refresh=options.refresh)


@contextmanager
def progress(what: str, total: int | None, unit: str, always: bool = False) -> Iterator[Callable[[int], object]]:
    """Gives what is told how much was done since it was told last, of a `total` where that is known.

    Where stderr is no terminal it is shown only if `always`.
    """
    from tqdm import tqdm  # type: ignore[import-untyped]

    hidden = False if always else None  # None: tqdm asks whether stderr is a terminal
    with tqdm(desc=what, total=total, unit=unit, unit_scale=True, disable=hidden, leave=False) as bar:
        yield bar.update


def sends_texts(reasoner: Reasoner, question: Query | str) -> bool:
    """Whether a question is answered by texts that a server is sent, and is read without asking a hosted model."""
    if reasoner.kg.server is None or reasoner.asks_llm:
        return False
    return isinstance(question, Query) or reasoner.reader is None or runs_here(reasoner.reader)


def sent_texts(reasoner: Reasoner, question: Query | str) -> list[str]:
    """The texts that would be run for a question.

    Raises:
        QueryError, QuestionError: it could not be read.
        SkylarkError: a name in it does not say one thing in the graph, or the server fails.
    """
    assert reasoner.kg.server is not None
    logical, _ = reasoner.asked(question)
    return RemoteStepResults(reasoner.kg, reasoner.kg.server, bind(logical, reasoner.kg)).texts()


DEFAULT_LLM = "embedded"


def add_method(parser: argparse.ArgumentParser, cache: bool = False) -> None:
    """Offer `--method` and the options of each method; `cache` is the default of `--cache`."""
    parser.add_argument("--method", choices=tuple(METHODS), default="exact", help="default: exact")
    add_question_reader(parser)
    completion = parser.add_argument_group("methods complete and hybrid")
    completion.add_argument(
        "--model", metavar="DIR", help="a fitted link predictor; default: the one kept for the graph"
    )
    completion.add_argument("--least", type=float, metavar="C", help="leave out answers below this confidence (0.5)")
    lark = parser.add_argument_group("methods lark and hybrid")
    lark.add_argument(
        "--llm", default=DEFAULT_LLM, metavar="L",
        help='"embedded" (default), "copy", hf:name-or-folder or provider:model',
    )  # fmt: skip
    lark.add_argument("--prompting", choices=("step", "whole"), help="ask step by step (default) or all at once")
    lark.add_argument("--names", choices=("abstract", "readable"), help="entities as ids (default) or by name")
    lark.add_argument("--token-budget", type=positive, metavar="N", help="tokens of the graph that a step may be shown")
    lark.add_argument("--timeout", type=float, metavar="S", help="seconds for one reply, retries included")
    lark.add_argument("--seed", type=int, metavar="N", help="of what is drawn for the prompts")
    lark.add_argument(
        "--dry-run", action="store_true",
        help="say what asking the language model would take, or what an endpoint would be sent, no more",
    )  # fmt: skip
    here = parser.add_argument_group("a model in this process (embedded, hf:)")
    add_device(here)
    here.add_argument("--adapter", metavar="DIR", help="an adapter made by `teach steps`, which answers the steps")
    hosted = parser.add_argument_group("a hosted model (provider:model)")
    hosted.add_argument(
        "--cache", action=argparse.BooleanOptionalAction, default=cache,
        help=f"keep replies on disk and read them back; default: {'yes' if cache else 'no'}",
    )  # fmt: skip
    hosted.add_argument("--samples", type=positive, metavar="N", help="readings of a question that are averaged (1)")
    add_requests(hosted)


def lark_options(options: argparse.Namespace) -> LarkOptions:
    """The `LarkOptions` that the command line asks for; the model that it names is checked first.

    Raises:
        UnknownLLMError: no model has that name.
        LLMError: its package or key is missing, and it was named or is needed.
        EvaluationError: an option is out of range.
    """
    try:
        asked = chosen(LarkOptions, options)
    except SkylarkError as error:
        raise EvaluationError(str(error)) from None
    if METHODS[options.method].asks_model or options.llm != DEFAULT_LLM:
        load_llm(options.llm, device=asked.device, dtype=asked.dtype, adapter=asked.adapter)
    return asked
