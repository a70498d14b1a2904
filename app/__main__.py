"""Start the web demo: `python -m app [--host 127.0.0.1] [--port 7860] [--llm embedded]`."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from kg_data.command_line import report_missing_extra

if TYPE_CHECKING:
    import gradio as gr


def main(arguments: Sequence[str] | None = None, program: str = "python -m app") -> int:
    """Serve the page until Ctrl-C; gives the exit code. `program` is what its help calls it."""
    parser = argparse.ArgumentParser(prog=program, description="The web demo: ask a graph, or an image.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=_port, default=7860, help="port to listen on (default: 7860)")
    parser.add_argument(
        "--llm", default="embedded", metavar="SPEC", help='"embedded" (default), "copy" or provider:model'
    )
    parser.add_argument(
        "--detector", default="embedded", metavar="MODEL",
        help='"embedded" (default), onnx:PATH, or the hub name or path of a transformers model',
    )  # fmt: skip
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    logging.getLogger("app").setLevel(logging.INFO)

    # After the arguments are read: `--help` need not wait for a web framework.
    try:
        from app.server.serving import clear, launch, prepare
    except ModuleNotFoundError as error:
        return report_missing_extra("The web demo", error)

    uploads = prepare()
    # A service is ended by this signal; as an exception it leaves no uploads behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        code = _serve(options, uploads, launch)
    except SystemExit:
        code = 0
    finally:
        clear(uploads)
    if code == 0:
        _leave()
    return code


def _leave() -> NoReturn:
    """End the process at once: the interpreter's own way aborts where a thread still loads a model."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


def _serve(options: argparse.Namespace, uploads: Path, launch: Callable[[gr.Blocks, Path, str, int], str]) -> int:
    from app.graph.graphs import GraphShelf
    from app.image.looking import SharedDetector
    from app.models.language_model import LanguageModel
    from app.page import build

    model = LanguageModel(options.llm)
    if model.error is not None and options.llm != "embedded":
        # Without its weights the embedded model leaves a page of use; a model that was asked for by name is a mistake.
        print(f"error: {model.error}", file=sys.stderr)
        return 2
    images = SharedDetector(options.detector)
    page, demo = build(GraphShelf(), model, images)
    try:
        address = launch(page, uploads, options.host, options.port)
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    # Only now: what models load would slow the first paint.
    demo.warm_up()
    images.warm_up()
    print(f"Skylark is at {address} (Ctrl-C ends it)", flush=True)
    page.block_thread()
    return 0


def _port(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, not {number}")
    return number


if __name__ == "__main__":
    sys.exit(main())
