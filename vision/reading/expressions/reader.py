"""An expression read by the language model: a sentence about the scene, written in its words and read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reasoning.language.writing.beams import BeamWriter
from reasoning.language.writing.meant import meanings
from vision.classes.matching import Match, Matcher
from vision.errors import InstructionError
from vision.reading.expressions.expression_grammar import expression_grammar
from vision.reading.expressions.meaning import Meanings
from vision.reading.expressions.surface import Sentence, read_back
from vision.reading.prompt import TextPrompt

BEGINNING = "Expressions about a picture, and the things that they mean.\n"
"""What all prompts begin with."""


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
    """

    def __init__(self, beams: BeamWriter) -> None:
        self._beams = beams

    def read(self, prompt: TextPrompt, matcher: Matcher) -> list[ExpressionReading]:
        """What an expression may mean, the likeliest first.

        Args:
            prompt: the expression.
            matcher: what words mean among the classes of the detector.

        Raises:
            InstructionError: it is too long, or all that it may mean names things that the model has no class for.
        """
        problems: list[InstructionError] = []

        def sentence(written: str) -> tuple[Sentence, Mapping[str, Match]] | None:
            phrases = Meanings(matcher)
            try:
                return read_back(written, phrases.of), phrases.matches
            except InstructionError as error:
                problems.append(error)
                return None

        grammar = expression_grammar(prompt, self._beams.tokens.piece)
        found = meanings(self._beams, BEGINNING, prompt.text, grammar, sentence, key=lambda read: repr(read[0]))
        if not found and problems:
            raise problems[0]
        return [ExpressionReading(*meant.value, meant.probability, meant.written) for meant in found]
