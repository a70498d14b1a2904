"""What a command line says of arguments that it cannot read."""

from __future__ import annotations

import pytest

from skylark.command_line import CommandParser, positive

Captured = pytest.CaptureFixture[str]


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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("measure x --graph g --limt 5", "there is no option --limt; did you mean --limit?"),
        ("measure x --graph g --limt=5", "there is no option --limt; did you mean --limit?"),
        ("measure x --graph g -limit 5", "there is no option -limit; did you mean --limit?"),
        ("measure x --graph g --Token_Budget 5", "there is no option --Token_Budget; did you mean --token-budget?"),
        ("measure x --graph g --method exat", "argument --method: 'exat' is none of exact, lark; did you mean exact?"),
        ("mesure x", "argument COMMAND: 'mesure' is none of measure; did you mean measure?"),
    ],
)
def test_a_misspelling_is_one_line_with_the_nearest(
    parser: CommandParser, capsys: Captured, arguments: str, said: str
) -> None:
    assert mistake(parser, arguments, capsys) == f"error: {said}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("measure x --graph g --zzz", "there is no option --zzz"),
        ("measure x", "the following arguments are required: --graph"),
        ("measure x y z --graph g", "nothing takes 'y z'; words that belong together stand in quotes"),
        ("measure x --graph g --limit", "argument --limit: expected one argument"),
        ("measure x --graph g --limit 0", "argument --limit: must be at least 1, not 0"),
        ("measure x --graph g --limit few", "argument --limit: expected a whole number, not 'few'"),
    ],
)
def test_where_nothing_is_near_the_help_is_named(
    parser: CommandParser, capsys: Captured, arguments: str, said: str
) -> None:
    assert mistake(parser, arguments, capsys) == f"error: {said} (tool measure --help lists what there is)\n"


def test_a_misspelt_option_is_said_before_the_one_that_is_missing_for_it(
    parser: CommandParser, capsys: Captured
) -> None:
    assert "no option --grahp; did you mean --graph?" in mistake(parser, "measure x --grahp g", capsys)


def test_a_word_that_steers_a_terminal_is_shown_as_its_escape(parser: CommandParser, capsys: Captured) -> None:
    assert r"--\x1b[31m" in mistake(parser, "measure x --\x1b[31m", capsys)


def test_what_argparse_takes_is_taken(parser: CommandParser) -> None:
    options = parser.parse_args(["measure", "--graph", "-x y", "--lim", "5", "--token-budget", "-5", "--", "--odd"])
    assert (options.graph, options.limit, options.token_budget, options.what) == ("-x y", 5, -5, "--odd")


def mistake(parser: CommandParser, arguments: str, capsys: Captured) -> str:
    with pytest.raises(SystemExit) as stop:
        parser.parse_args(arguments.split(" "))
    out, err = capsys.readouterr()
    assert (stop.value.code, out) == (2, "")
    return err
