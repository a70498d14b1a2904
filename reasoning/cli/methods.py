"""The options that say by which method a question is answered, and what they mean."""

from __future__ import annotations

import argparse

from kg_data.command_line import positive
from kg_data.errors import SkylarkError
from reasoning.cli.options import add_device, add_question_reader, add_requests, chosen
from reasoning.completion.options import CompletionOptions
from reasoning.errors import EvaluationError
from reasoning.language import load_llm
from reasoning.lark import LarkOptions
from reasoning.methods import METHODS

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
    completion.add_argument("--missing", type=float, metavar="S", help="share of true edges that the graph lacks (0.1)")
    completion.add_argument("--floor", type=float, metavar="C", help="leave out predicted edges below it (0.0005)")
    completion.add_argument("--negation", type=float, metavar="X", help="scale of a confidence that is negated (1)")
    lark = parser.add_argument_group("methods lark and hybrid")
    lark.add_argument(
        "--llm", default=DEFAULT_LLM, metavar="L",
        help='"embedded" (default), "copy", hf:name-or-folder or provider:model',
    )  # fmt: skip
    lark.add_argument("--prompting", choices=("step", "whole"), help="ask step by step (default) or all at once")
    lark.add_argument("--names", choices=("abstract", "readable"), help="entities as ids (default) or by name")
    lark.add_argument(
        "--replies",
        choices=("auto", "text", "structured", "marks"),
        help="plain, JSON by a schema, marks of a taught model, or as the model can (auto)",
    )
    lark.add_argument("--token-budget", type=positive, metavar="N", help="tokens of the graph that a step may be shown")
    lark.add_argument("--max-parts", type=positive, metavar="N", help="parts that a step too big for that may take")
    lark.add_argument("--repairs", type=int, metavar="N", help="replies asked for again, shown what is wrong (1)")
    lark.add_argument("--timeout", type=float, metavar="S", help="seconds for one reply, retries included")
    lark.add_argument("--seed", type=int, metavar="N", help="of what is drawn for the prompts")
    lark.add_argument(
        "--dry-run", action="store_true",
        help="say what asking the language model would take, or what an endpoint would be sent, no more",
    )  # fmt: skip
    here = parser.add_argument_group("a model in this process (embedded, hf:)")
    add_device(here)
    here.add_argument(
        "--constrained", action=argparse.BooleanOptionalAction, default=None,
        help="hold replies in text to the names of the context; default: yes",
    )  # fmt: skip
    here.add_argument("--adapter", metavar="DIR", help="an adapter made by `teach steps`, which answers the steps")
    hosted = parser.add_argument_group("a hosted model (provider:model)")
    hosted.add_argument(
        "--cache", action=argparse.BooleanOptionalAction, default=cache,
        help=f"keep replies on disk and read them back; default: {'yes' if cache else 'no'}",
    )  # fmt: skip
    hosted.add_argument("--samples", type=positive, metavar="N", help="readings of a question that are averaged (1)")
    add_requests(hosted)


def completion_options(options: argparse.Namespace) -> CompletionOptions:
    """The `CompletionOptions` that the command line asks for.

    Raises:
        CompletionError: one is out of range.
    """
    return chosen(CompletionOptions, options)


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
