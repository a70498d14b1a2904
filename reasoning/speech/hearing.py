"""A spoken question becomes a typed one: recording in, transcript out, in a language in which questions are read."""

from __future__ import annotations

from collections.abc import Iterator

from reasoning.errors import quoted_list
from reasoning.graph.store import KnowledgeGraph
from reasoning.speech.audio import USUAL_LIMITS, Audio, AudioLimits, AudioSource, load_audio
from reasoning.speech.choosing import chosen, heard_alike
from reasoning.speech.errors import NoWordsError, SpokenLanguageError
from reasoning.speech.model import SpeechModel
from reasoning.speech.opening import PACKAGED, open_speech_model
from reasoning.speech.topic import spoken_topic
from reasoning.speech.transcript import Transcript, language_name

ASKABLE = ("en",)
"""Codes of the languages in which questions are read."""


def hear_question(
    source: AudioSource | Audio,
    kg: KnowledgeGraph | None = None,
    model: str | SpeechModel = PACKAGED,
    limits: AudioLimits = USUAL_LIMITS,
) -> Transcript:
    """The question that is spoken in a recording; nothing is answered.

    Args:
        source: a path, the bytes of a file, an open binary file, or (samples a second, array) as Gradio gives it.
        kg: the graph that will be asked: its names and relations are what the model is told to expect, and of what may
            have been said that is taken which was likely heard and can be asked (`reasoning.speech.choosing`).
        model: see `open_speech_model`.
        limits: the most that is heard.

    Raises:
        AudioError: the recording cannot be read, or is beyond the limits.
        NoSpeechError: nobody speaks in it.
        SpokenLanguageError: it is in another language than questions are read in; the error holds the transcript.
        SpeechError: there is no such model, or it fails.
        MissingPackageError: the extra `speech` is not installed.
    """
    model, audio = _opened(model), load_audio(source, limits)
    try:
        *_, last = partial_questions(audio, kg, model, limits)
    except NoWordsError as error:
        if kg is None or error.transcript.language not in ASKABLE:
            raise
        found = heard_alike(error.transcript, audio, kg, model)
        if found is None:
            raise
        return found
    return last if kg is None else chosen(last, audio, kg, model)


def partial_questions(
    source: AudioSource | Audio,
    kg: KnowledgeGraph | None = None,
    model: str | SpeechModel = PACKAGED,
    limits: AudioLimits = USUAL_LIMITS,
) -> Iterator[Transcript]:
    """What is heard of a spoken question, as it is heard; `hear_question` may take other words than the last ones.

    A recording is heard in stretches of up to 30 seconds. Of one that is still under way `LiveTranscription` gives the
    text every second.
    """
    model, audio = _opened(model), load_audio(source, limits)
    for transcript in model.partials(audio, ASKABLE, "" if kg is None else spoken_topic(kg).before):
        if transcript.final:
            check_language(transcript)
        yield transcript


def _opened(model: str | SpeechModel) -> SpeechModel:
    return open_speech_model(model) if isinstance(model, str) else model


def check_language(transcript: Transcript) -> None:
    """Make sure that a question was spoken in a language in which questions are read.

    Raises:
        SpokenLanguageError: it was not.
    """
    if transcript.language is None or transcript.language in ASKABLE:
        return
    sure = "" if transcript.probability is None else f" (probability {transcript.probability:.2f})"
    readable = quoted_list([language_name(code) for code in ASKABLE]).replace('"', "")
    raise SpokenLanguageError(
        f"The recording is in {transcript.language_name}{sure}, and questions are read in {readable}: ask in "
        f"{readable}. Heard: {transcript.text}",
        transcript,
    )
