"""What a command line says of arguments that it cannot read, how its process ends, and how its threads wait."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from skylark.command_line import CommandParser, positive
from skylark.process import INTERRUPTED, SPINS, ended_by_interrupt, thread_settings


@pytest.fixture
def parser() -> CommandParser:
    parser = CommandParser(prog="tool")
    command = parser.add_subparsers(required=True, metavar="COMMAND").add_parser("measure")
    command.add_argument("what")
    command.add_argument("--graph", required=True)
    command.add_argument("--limit", type=positive)
    command.add_argument("--token-budget", type=int)
    command.add_argument("--method", choices=("exact", "lark"))
    parser.set_defaults(options=command)
    return parser


HELP = " (tool measure --help lists what there is)"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("x --graph g --limt 5", "there is no option --limt; did you mean --limit?"),
        ("x --graph g --limt=5", "there is no option --limt; did you mean --limit?"),
        ("x --graph g -limit 5", "there is no option -limit; did you mean --limit?"),
        ("x --grahp g", "there is no option --grahp; did you mean --graph?"),  # before the one that is missing for it
        ("x --graph g --Token_Budget 5", "there is no option --Token_Budget; did you mean --token-budget?"),
        ("x --graph g --method exat", "argument --method: 'exat' is none of exact, lark; did you mean exact?"),
        ("x --graph g --zzz", f"there is no option --zzz{HELP}"),
        ("x --\x1b[31m --graph g", rf"there is no option --\x1b[31m{HELP}"),
        ("x", f"the following arguments are required: --graph{HELP}"),
        ("x y z --graph g", f"nothing takes 'y z'; words that belong together stand in quotes{HELP}"),
        ("x --graph g --limit", f"argument --limit: expected one argument{HELP}"),
        ("x --graph g --limit 0", f"argument --limit: must be at least 1, not 0{HELP}"),
        ("x --graph g --limit few", f"argument --limit: expected a whole number, not 'few'{HELP}"),
        ("", "argument COMMAND: 'mesure' is none of measure; did you mean measure?"),
    ],
)
def test_a_mistake_is_one_line_with_the_nearest_or_where_help_is(
    parser: CommandParser, capsys: pytest.CaptureFixture[str], arguments: str, said: str
) -> None:
    with pytest.raises(SystemExit) as stop:
        parser.parse_args(["measure", *arguments.split(" ")] if arguments else ["mesure", "x"])
    assert (stop.value.code, *capsys.readouterr()) == (2, "", f"error: {said}\n")


def test_what_argparse_takes_is_taken(parser: CommandParser) -> None:
    options = parser.parse_args(["measure", "--graph", "-x y", "--lim", "5", "--token-budget", "-5", "--", "--odd"])
    assert (options.graph, options.limit, options.token_budget, options.what) == ("-x y", 5, -5, "--odd")


# Processes --------------------------------------------------------------------------------------------------------


ROOT = Path(__file__).resolve().parents[2]

RUN = """
import os, runpy, signal, sys

_, importing, room, *arguments = sys.argv

class Interrupting:
    def find_spec(self, name, *_):
        if name == importing:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv = [room, *arguments]
runpy.run_module(room, {}, "__main__", alter_sys=True)
"""
"""Runs a module as `python -m` does, with Ctrl-C when another one is about to be imported."""

COMPUTING = """
import sys, threading
import torch
from skylark.command_line import CommandParser, run
from skylark.process import end_process

weights, begun = torch.ones(300, 300, requires_grad=True), threading.Event()

def compute():
    while True:
        (weights @ weights).sum().backward()
        begun.set()

def command(options):
    threading.Thread(target=compute, daemon=True).start()
    begun.wait()
    print("half a result", end="")
    raise KeyboardInterrupt if options.what == "interrupted" else OSError("no room")

parser = CommandParser()
parser.add_argument("what")
parser.set_defaults(command=command)
end_process(run(parser, None))
"""
"""A command that ends while a model of torch computes on a thread of its own."""


def ended(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("importing", "arguments"),
    [
        ("numpy", ["reasoning", "query", "--kg", "world", 'capital("France")']),
        ("numpy", ["skylark", "query", "--kg", "world", 'capital("France")']),
        ("numpy", ["vision", "task", "dogs"]),
        ("gradio", ["app", "--port", "7999"]),
    ],
)
def test_ctrl_c_during_imports_is_one_line(importing: str, arguments: list[str]) -> None:
    assert ended("-c", RUN, importing, *arguments) == (INTERRUPTED, "", "interrupted\n")


@pytest.mark.slow
def test_a_thread_that_computes_is_not_stumbled_over() -> None:
    for what, status, said in (("interrupted", 130, "interrupted"), ("failed", 1, "error: no room")):
        assert ended("-c", COMPUTING, what) == (status, "half a result", f"{said}\n")


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.default_int_handler])
def test_behind_the_imports_ctrl_c_is_what_it_was_and_stays_so_where_it_is_ignored(handler: Any) -> None:
    before = signal.signal(signal.SIGINT, handler)
    try:
        with ended_by_interrupt():
            assert (signal.getsignal(signal.SIGINT) is signal.SIG_IGN) == (handler is signal.SIG_IGN)
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("environment", "settings"),
    [
        ({}, {"GOMP_SPINCOUNT": SPINS}),
        ({"OMP_NUM_THREADS": "2"}, {"GOMP_SPINCOUNT": SPINS}),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, {}),
        ({"GOMP_SPINCOUNT": "7"}, {}),
    ],
)
def test_settings_leave_what_the_user_has_set(environment: dict[str, str], settings: dict[str, str]) -> None:
    assert thread_settings(environment) == settings


@pytest.mark.slow
def test_a_command_sets_them_before_torch_is_loaded() -> None:
    program = (
        "import sys, runpy, os\n"
        "sys.argv = ['reasoning', '--help']\n"
        "try: runpy.run_module('reasoning', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print('torch' in sys.modules, os.environ['GOMP_SPINCOUNT'])"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == f"False {SPINS}"
