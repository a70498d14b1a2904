"""Choose the room that a verb belongs to, and import no other.

`skylark VERB` is `python -m reasoning VERB`, `skylark image VERB` is `python -m vision VERB`, `skylark demo` is
`python -m app`. The verbs are listed here, so that help and a misspelt verb cost no import; a test holds the lists to
the rooms' own.
"""

import difflib
import os
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

GRAPH_VERBS = {
    "ask": "answer a question in plain English",
    "query": "answer a logical query",
    "read": "say what a question is read as, and answer nothing",
    "describe": "say what a graph holds: kinds, relations, values, what was left out",
    "evaluate": "measure a method on query or question files",
    "compare": "compare two results files, query by query",
    "plot": "draw results files as bars per query type",
    "teach": "teach a language model a job",
    "complete": "predict what a graph does not say",
    "datasets": "list, check and convert graphs",
    "graph": "change a graph on disk, or make one of texts",
    "sample-queries": "make queries with easy and hard answers from a graph",
    "classify-queries": "count the links that the hard answers of queries lack",
}
"""The verbs of `python -m reasoning`, in the words of its own help."""

IMAGE_VERBS = ("detect", "track", "ask", "task", "classes", "evaluate", "evaluate-tracks", "actions", "teach")
"""The verbs of `python -m vision`, after `image`."""

SHORT_IMAGE_VERBS = {
    "detect": "find objects in images as an instruction says",
    "track": "follow what an instruction names through a video",
    "evaluate-tracks": "measure tracks on MOT's or VisDrone's truth",
}
"""Verbs of images that need no `image` before them, since no graph has such a verb."""

OWN_VERBS = {
    "image": "work on images: skylark image VERB",
    "demo": "serve the web demo on this machine",
    "setup": "install the packages of weights and tables",
}

ROOMS = ("kg_data", "reasoning", "vision", "app")
HERE = Path(__file__).resolve().parents[1]
FAILURE, USAGE = 1, 2


def start() -> NoReturn:
    """Run the verb that the process was given, and end the process."""
    code = main()
    if "skylark.process" in sys.modules:  # a command has run
        from skylark.process import end_process

        end_process(code)
    sys.exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code: 2 for a usage error, 1 for a failure, 0 otherwise."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    verb, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if verb in ("-h", "--help"):
        return _print(_help())
    if problem := _mixed_installation():
        print(f"error: {problem}", file=sys.stderr)
        return FAILURE
    if verb == "--version":
        from skylark.installation import ROOT, version

        return _print(f"skylark {version()} ({ROOT})")
    if verb == "image":
        if not rest or rest[0] in ("-h", "--help") or rest[0] in IMAGE_VERBS:
            return _run_room("vision.cli", rest, "skylark image", "Work on images")
        return _unknown(rest[0], IMAGE_VERBS, "image ")
    if verb in SHORT_IMAGE_VERBS:
        return _run_room("vision.cli", arguments, "skylark image", "Work on images")
    if verb in GRAPH_VERBS:
        return _run_room("reasoning.cli", arguments, "skylark", f"skylark {verb}")
    if verb == "demo":
        return _run_room("app.__main__", rest, "skylark demo", "The web demo")
    if verb == "setup":
        return _run_room("skylark.setup", rest, "skylark setup", "skylark setup")
    return _unknown(verb, [*GRAPH_VERBS, *SHORT_IMAGE_VERBS, *OWN_VERBS])


def _run_room(module: str, arguments: Sequence[str], program: str, subject: str) -> int:
    """Import a room's command line and run it.

    Args:
        module: it has `main(arguments, program)`.
        arguments: what follows the verb that chose the room.
        program: what the room's help calls it.
        subject: what needs the room's packages, for the sentence about a missing one.
    """
    from skylark.command_line import report_missing_extra
    from skylark.errors import MissingPackageError
    from skylark.process import ended_by_interrupt, let_waiting_threads_sleep

    let_waiting_threads_sleep()
    try:
        with ended_by_interrupt():
            room = import_module(module)
        code: int = room.main(arguments, program)
        return code
    except MissingPackageError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILURE
    except ModuleNotFoundError as error:
        return report_missing_extra(subject, error)


def _print(text: str) -> int:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # The reader has gone (`| head`); without this Python complains again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _mixed_installation() -> str | None:
    """What is wrong where a room would be imported from elsewhere than this command, else None.

    Names such as `app` and `vision` are common: another project, or another version of Skylark earlier on the path, may
    own one of them, and half of each would run.
    """
    for room in ROOMS:
        spec = find_spec(room)
        if spec is None:
            return f"the package {room!r} of Skylark is missing beside {HERE / 'skylark'}: install Skylark again"
        places = [Path(place).resolve().parent for place in spec.submodule_search_locations or [spec.origin or ""]]
        if HERE not in places:
            return (
                f"{room!r} is imported from {places[0]}, but this command is in {HERE}: another version of Skylark or "
                "another project with a package of that name stands before it. Install Skylark alone into an "
                "environment of its own (python -m venv), and unset PYTHONPATH"
            )
    return None


def _unknown(verb: str, verbs: Iterable[str], before: str = "") -> int:
    choices = list(verbs)
    near = difflib.get_close_matches(verb, choices, n=1, cutoff=0.5)
    mistake = f"skylark has no verb {before + verb!r}" if verb else "the verb is missing"
    advice = f"; did you mean {before + near[0]!r}?" if near else "."
    print(
        f"error: {mistake}{advice} The verbs are: {', '.join(before + choice for choice in choices)}", file=sys.stderr
    )
    return USAGE


def _help() -> str:
    verbs = {**GRAPH_VERBS, **SHORT_IMAGE_VERBS, **OWN_VERBS}
    width = max(map(len, verbs))
    lines = [
        "usage: skylark VERB ...",
        "",
        "Ask a knowledge graph, or an image, in plain language.",
        "",
        *(f"  {name:<{width}}  {about}" for name, about in verbs.items()),
        "",
        "skylark VERB --help says more; skylark --version says which version runs, and from where.",
    ]
    return "\n".join(lines)
