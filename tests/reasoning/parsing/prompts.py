"""A prompt to test with, and tokens of its pieces without any model."""

from reasoning.lm.constraint import Spelling
from reasoning.parsing.codec import COMPARISONS, FUNCTIONS, NOTHING, SIGNS
from reasoning.parsing.schema import (
    KIND_IDS,
    NAME_IDS,
    RELATION_IDS,
    KindEntry,
    NameEntry,
    Prompt,
    RelationEntry,
    Schema,
)

SCHEMA = Schema(
    [KindEntry("employee", '~type("employee")'), KindEntry("team", '~type("team")')],
    [
        RelationEntry("reports to", (0,), (0,), "reports_to"),
        RelationEntry("works in", (0,), (1,), '"works in"'),
        RelationEntry("salary", (0,), "integer", "salary"),
        RelationEntry("hired", (0,), "date", "hired"),
    ],
)
PROMPT = Prompt(
    SCHEMA,
    [
        NameEntry("Ann", "Ann Lee", "employee", '"Ann Lee"', (0,)),
        NameEntry("Core", "Core", "team", 'entity("t1")', (1,)),
        NameEntry("50,000", "50000", "number", "50000"),
        NameEntry("3 May 2019", "2019-05-03", "date", 'date("2019-05-03")'),
    ],
    "who works where?",
)

PIECES = [
    NOTHING, *COMPARISONS, *FUNCTIONS, *SIGNS, *KIND_IDS, *RELATION_IDS, *NAME_IDS, *"0123456789()[],!~-+.",
]  # fmt: skip
TOKENS = {piece: number for number, piece in enumerate(dict.fromkeys(PIECES), start=1)}
END = 0
SPELLING = Spelling({number: piece.encode() for piece, number in TOKENS.items()}, {"<end>": END}, None, (END,))


def ids_of(prompt: Prompt) -> dict[str, str]:
    """Each id of a prompt by what it stands for."""
    return {meaning: letter for letter, meaning in prompt.meanings.items()}


def tokens_of(pieces: list[str]) -> list[int]:
    """The tokens of pieces."""
    return [TOKENS[piece] for piece in pieces]
