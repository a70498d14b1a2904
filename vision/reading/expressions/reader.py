"""An expression read by the language model: a sentence about scene or video, written in its words and read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reasoning.language.writing.beams import BeamWriter
from reasoning.language.writing.meant import meanings
from vision.classes.matching import Match, Matcher
from vision.errors import InstructionError
from vision.reading.expressions.expression_grammar import expression_grammar
from vision.reading.expressions.meaning import Meanings
from vision.reading.expressions.pieces import PICTURE, Pieces
from vision.reading.expressions.sentence import Sentence, same_things
from vision.reading.expressions.surface import read_back
from vision.reading.prompt import TextPrompt


def beginning(pieces: Pieces) -> str:
    """What all prompts of expressions about one sort of thing begin with."""
    return f"Expressions about a {pieces.about}, and the things that they mean.\n"


def _key(sentence: Sentence) -> str:
    """Equal for sentences that are the same but for converses."""
    return repr(replace(sentence, things=same_things(sentence.things)))


@dataclass(frozen=True)
class ExpressionReading:
    """A sentence that an expression may mean.

    Attributes:
        sentence: the sentence.
        matches: what each phrase that names things means among the detector's classes.
        probability: that the model gives it, 0 to 1.
        written: what the model wrote.
    """

    sentence: Sentence
    matches: Mapping[str, Match]
    probability: float
    written: str


class ExpressionReader:
    """Reads expressions.

    Args:
        beams: writes the sentences.
        pieces: of what the expressions speak about.
    """

    def __init__(self, beams: BeamWriter, pieces: Pieces = PICTURE) -> None:
        self._beams, self._pieces = beams, pieces

    def read(self, prompt: TextPrompt, matcher: Matcher, actions: Sequence[str] = ()) -> list[ExpressionReading]:
        """What an expression may mean, the likeliest first.

        Args:
            prompt: the expression.
            matcher: what words mean among the classes of the detector.
            actions: the labels of the actions that a video was divided into.

        Raises:
            InstructionError: it is too long, or all that it may mean names things that the model has no class for.
        """
        problems: list[InstructionError] = []

        def sentence(written: str) -> tuple[Sentence, Mapping[str, Match]] | None:
            phrases = Meanings(matcher, actions)
            try:
                return read_back(written, phrases.of, self._pieces, phrases.action), phrases.matches
            except InstructionError as error:
                problems.append(error)
                return None

        grammar = expression_grammar(prompt, self._beams.tokens.piece, self._pieces)
        about = beginning(self._pieces)
        found = meanings(self._beams, about, prompt.text, grammar, sentence, key=lambda read: _key(read[0]))
        if not found and problems:
            raise problems[0]
        return [ExpressionReading(*meant.value, meant.probability, meant.written) for meant in found]
