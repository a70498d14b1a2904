"""Start the web demo: `python -m app [--host 127.0.0.1] [--port 7860] [--llm embedded] [--kg FILE]`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from kg_data.loaders.text import USUAL
from reasoning.cli.options import add_loading, loading_options
from skylark.command_line import OK, CommandParser, report_missing_extra
from skylark.errors import UsageError
from skylark.process import INTERRUPTED, ended_by_interrupt, leave, let_waiting_threads_sleep


def main(arguments: Sequence[str] | None = None, program: str = "python -m app") -> int:
    """Serve the page until Ctrl-C; gives the exit code. `program` is what its help calls it."""
    parser = CommandParser(prog=program, description="The web demo: ask a graph, or an image.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=_port, default=7860, help="port to listen on (default: 7860)")
    parser.add_argument(
        "--llm", default="embedded", metavar="SPEC", help='"embedded" (default), "copy" or provider:model'
    )
    parser.add_argument(
        "--detector", default="embedded", metavar="MODEL",
        help='"embedded" (default), visionllm, onnx:PATH, or the hub name or path of a transformers model',
    )  # fmt: skip
    parser.add_argument(
        "--kg", nargs="+", default=[], metavar="GRAPH",
        help="graphs to offer first, to people and programs: your files (tables too) or folders, known names, or "
        "sparql:URL of an endpoint",
    )  # fmt: skip
    add_loading(parser)
    options = parser.parse_args(arguments)
    try:
        loading = loading_options(options)
    except UsageError as error:
        parser.error(str(error))
    if loading != USUAL and not options.kg:
        parser.error(f"{loading.flags()[0]} says how a file of your own is read: name the file by --kg")
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    logging.getLogger("app").setLevel(logging.INFO)

    let_waiting_threads_sleep()
    # After the arguments are read: `--help` need not wait for a web framework.
    try:
        with ended_by_interrupt():
            from app.page import serve
    except ModuleNotFoundError as error:
        return report_missing_extra("The web demo", error)

    code = serve(options.llm, options.detector, options.host, options.port, options.kg, loading)
    if code in (OK, INTERRUPTED):
        leave(code)  # the interpreter's own way aborts where a thread still loads a model
    return code


def _port(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, not {text}")
    return number


if __name__ == "__main__":
    sys.exit(main())
