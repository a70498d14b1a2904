"""An expression read by the language model: a sentence about the scene, written in its words and read back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from reasoning.language.constraint import Constraint
from reasoning.language.writing.beams import BeamWriter
from vision.classes.matching import Match, Matcher
from vision.errors import InstructionError
from vision.reading.expressions.expression_grammar import expression_grammar
from vision.reading.expressions.meaning import Meanings
from vision.reading.expressions.surface import Sentence, read_back
from vision.reading.instructions.prompt import InstructionPrompt

BEGINNING = "Expressions about a picture, and the things that they mean.\n"
"""What all prompts begin with."""


@dataclass(frozen=True)
class ExpressionReading:
    """A sentence that an expression may mean.

    Attributes:
        sentence: the sentence.
        matches: what each phrase that names things means among the detector's classes.
        probability: that the model gives it.
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

    def read(self, text: str, matcher: Matcher) -> list[ExpressionReading]:
        """What an expression may mean, the likeliest first.

        Args:
            text: not empty.
            matcher: what words mean among the classes of the detector.

        Raises:
            InstructionError: it is too long, or all that it may mean names things that the model has no class for.
        """
        prompt = InstructionPrompt(text)
        tokens = self._beams.tokens
        constraint = Constraint(expression_grammar(prompt, tokens.piece), tokens.spelling)
        found: dict[str, ExpressionReading] = {}
        problem: InstructionError | None = None
        for written in self._beams.write(BEGINNING, prompt.text, constraint):
            meanings = Meanings(matcher)
            try:
                sentence = read_back(written.text, meanings.of)
            except InstructionError as error:
                problem = problem or error
                continue
            probability = math.exp(written.log_probability)
            before = found.get(repr(sentence))
            if before is not None:
                probability += before.probability
            found[repr(sentence)] = ExpressionReading(sentence, meanings.matches, probability, written.text)
        if not found and problem is not None:
            raise problem
        return sorted(found.values(), key=lambda reading: -reading.probability)
