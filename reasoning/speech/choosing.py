"""Which of the texts that may have been spoken is asked: the one that the reader of questions is surest of.

The hypotheses of a speech model differ in a word or two ("which country's", "which countries"), and the reader knows
which of them can be asked of the graph. It is the rescoring of n-best lists that recognisers have long had (Ostendorf
et al. 1991), with the probability of a reading in place of a larger language model's.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain

from kg_data.errors import SkylarkError
from reasoning.graph.names import fold
from reasoning.graph.store import KnowledgeGraph
from reasoning.reading import understand
from reasoning.speech.audio import Audio
from reasoning.speech.model import SpeechModel
from reasoning.speech.transcript import Transcript
from reasoning.speech.vocabulary import spoken_phrases

PATIENCE = 30.0
"""Seconds after which a recording is not heard again, on machines that are slow or busy."""

ENOUGH = 0.9
"""Probability of a reading from which on no further text is read."""


def chosen(transcript: Transcript, audio: Audio, kg: KnowledgeGraph, model: SpeechModel) -> Transcript:
    """What was heard, with the words that can be asked where others than these may have been said.

    Args:
        transcript: of the whole recording.
        audio: the recording.
        kg: the graph that will be asked.
        model: what heard it.
    """

    def texts() -> Iterator[str]:
        # What is heard with the graph's names in mind is right more often than what was heard without.
        yield from chain.from_iterable(_hearings(transcript, audio, kg, model))
        yield transcript.text

    text = surest(texts(), lambda text: sureness(text, kg))
    return transcript if text is None else replace(transcript, text=text)


def heard_alike(transcript: Transcript, audio: Audio, kg: KnowledgeGraph, model: SpeechModel) -> Transcript | None:
    """What is heard in the same words at two tempos and can be asked; None where nothing is.

    For a recording of which no word was understood: a search that prefers names finds some in any noise, and hardly the
    same ones twice.

    Args:
        transcript, audio, kg, model: see `chosen`.
    """
    texts = list(chain.from_iterable(_hearings(transcript, audio, kg, model)))  # those of one differ
    times = Counter(map(fold, texts))
    text = surest((text for text in texts if times[fold(text)] > 1), lambda text: sureness(text, kg))
    return None if text is None else replace(transcript, text=text)


def _hearings(transcript: Transcript, audio: Audio, kg: KnowledgeGraph, model: SpeechModel) -> Iterator[list[str]]:
    """What else may have been said, until `PATIENCE` is over."""
    began = time.monotonic()
    for texts in model.others(audio, transcript.language or "en", spoken_phrases(kg)):
        yield texts
        if time.monotonic() - began >= PATIENCE:
            return


def surest(texts: Iterable[str], sure: Callable[[str], float]) -> str | None:
    """The text of which a reader is surest, the first of those that are alike; None where it can read none.

    Args:
        texts: the likeliest first; none is taken after one that is sure `ENOUGH`.
        sure: gives the probability of a text's reading, 0 to 1; 0 where it has none.
    """
    read: dict[str, tuple[float, str]] = {}
    for text in filter(None, texts):
        if (key := fold(text)) not in read:  # signs and capitals tell no readings apart
            read[key] = sure(text), text
        if read[key][0] >= ENOUGH:
            break
    probability, best = max(read.values(), key=lambda found: found[0], default=(0.0, ""))
    return best if probability else None


def sureness(text: str, kg: KnowledgeGraph) -> float:
    """The probability of the reading of a question; 0 where it has none that is asked, or nothing can read it."""
    try:
        found = understand(text, kg)
    except SkylarkError:
        return 0.0
    return found.confidence if found.query is not None else 0.0
