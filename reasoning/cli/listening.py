"""A question that is spoken: `ask --audio FILE`."""

from __future__ import annotations

import argparse
import sys

from kg_data.errors import UsageError
from kg_data.visible import visible
from reasoning.cli.methods import lark_options
from reasoning.cli.options import open_graph
from reasoning.speech.audio import load_audio
from reasoning.speech.hearing import hear_question
from reasoning.speech.opening import PACKAGED, check_speech_model, open_speech_model
from reasoning.speech.transcript import Transcript


def add_speech(parser: argparse.ArgumentParser) -> None:
    """Offer `--audio` and the model that hears it."""
    speech = parser.add_argument_group("a question that is spoken")
    speech.add_argument(
        "--audio", metavar="FILE", help="a recording of the question, in English, of two minutes at most"
    )
    speech.add_argument(
        "--speech-model", metavar="M",
        help=f'"{PACKAGED}" (default), hf:name-or-folder, or a folder of a Whisper model of CTranslate2',
    )  # fmt: skip


def heard_question(options: argparse.Namespace) -> Transcript | None:
    """What is said in the recording that the command line names, which is printed to stderr; None where it names none.

    Raises:
        UsageError: there is a question in writing as well, or a model without a recording.
        AudioError, SpeechError: the recording cannot be heard, or the model cannot be opened.
        SpokenLanguageError: it is in a language in which questions are not read.
    """
    if options.audio is None:
        if options.speech_model is not None:
            raise UsageError("--speech-model hears a recording: name one with --audio FILE")
        return None
    if options.question is not None:
        raise UsageError(
            f"there are two questions, {visible(options.question)!r} and the recording {options.audio}: ask one"
        )
    spec = PACKAGED if options.speech_model is None else options.speech_model
    # What is wrong with a model or the recording is said before anything is loaded that takes long.
    device = lark_options(options).device
    check_speech_model(spec)
    audio = load_audio(options.audio)
    heard = hear_question(audio, open_graph(options), open_speech_model(spec, device))
    sure = "" if heard.probability is None else f", probability {heard.probability:.2f}"
    print(visible(f"heard: {heard.text} ({heard.language_name}{sure})"), file=sys.stderr, flush=True)
    return heard
