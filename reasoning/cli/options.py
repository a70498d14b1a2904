"""Options that several commands share, and what they mean."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from kg_data.errors import SkylarkError
from reasoning.errors import EvaluationError


def add_graph(parser: argparse.ArgumentParser) -> None:
    """Offer `--kg`."""
    parser.add_argument("--kg", required=True, metavar="GRAPH", help="built-in name, data-set name or folder, or file")


def add_method(parser: argparse.ArgumentParser) -> None:
    """Offer `--method` and what method lark can be told."""
    parser.add_argument("--method", choices=("exact", "lark"), default="exact", help="default: exact")
    lark = parser.add_argument_group("method lark")
    lark.add_argument("--llm", default="embedded", metavar="L", help='"embedded" (default), "copy" or provider:model')
    lark.add_argument("--prompting", choices=("step", "whole"), help="ask step by step (default) or all at once")
    lark.add_argument("--names", choices=("abstract", "readable"), help="entities as ids (default) or by name")
    lark.add_argument("--token-budget", type=positive, metavar="N", help="tokens that a step's context may take")
    lark.add_argument("--timeout", type=float, metavar="S", help="seconds for one reply")
    lark.add_argument("--seed", type=int, metavar="N", help="of what is drawn for the prompts")


def positive(text: str) -> int:
    """A whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number


def lark_options(options: argparse.Namespace) -> Any:
    """The `LarkOptions` that the command line asks for."""
    from reasoning.lark import LarkOptions

    _check_llm(options.llm)
    names = ("prompting", "names", "token_budget", "timeout", "seed")
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    try:
        return LarkOptions(**given)
    except SkylarkError as error:
        raise EvaluationError(str(error)) from None


def _check_llm(name: str) -> None:
    """Refuse a name that is no model; a package or a key that is missing comes up when the model is needed."""
    from reasoning.llms import LLMError, load_llm
    from reasoning.llms.providers import unknown_name

    provider, _, model = (part.strip() for part in name.partition(":"))
    if name.strip() in ("embedded", "copy"):
        return
    if not (provider and model):
        raise EvaluationError(unknown_name(name))
    provider = provider.lower().replace("-", "_")
    try:
        load_llm(f"{provider}:{model}")
    except LLMError as error:
        if str(error) == unknown_name(f"{provider}:{model}"):
            raise EvaluationError(unknown_name(name)) from None


def as_json(item: Any) -> str:
    """JSON for a terminal or a pipe, escaped where its encoding is not UTF-8."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return json.dumps(item, ensure_ascii=not unicode, indent=2)
