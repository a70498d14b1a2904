"""The text that a visitor pastes: its bounds, and what is no text to be read."""

from __future__ import annotations

from kg_data.errors import UsageError
from reasoning.extraction.options import ExtractionOptions
from reasoning.graph.names import fold

MOST_CHARACTERS = 20_000
MOST_PASSAGES = 50
PASSAGE_TOKENS = 200
"""Of a passage, three characters each: some five sentences, so that even a short text grows in several steps."""
REPLY_SECONDS = 90
DOCUMENT = "pasted text"
"""What the text is called: as the source of its facts, and as a graph."""

LIMITS = f"up to {MOST_CHARACTERS:,} characters, which are read in at most {MOST_PASSAGES} passages"

OPTIONS = ExtractionOptions(chunk_tokens=PASSAGE_TOKENS, timeout=REPLY_SECONDS, retries=2, cache=False)
"""How the model is asked. Its replies are not kept on disk: a visitor's text is nobody else's."""

EXAMPLE = """Marie Curie was born in Warsaw in 1867. Marie Curie studied at the University of Paris, where she met \
Pierre Curie, who was born in Paris in 1859. Marie Curie married Pierre Curie in 1895. Together they discovered \
polonium and radium. Marie Curie received the Nobel Prize in Physics in 1903 and the Nobel Prize in Chemistry in 1911.

Irène Joliot-Curie, the elder daughter of Marie Curie, was born in Paris in 1897. Irène Joliot-Curie married Frédéric \
Joliot-Curie, who had worked at the Radium Institute. Irène Joliot-Curie and Frédéric Joliot-Curie received the Nobel \
Prize in Chemistry in 1935. Their daughter, Hélène Langevin-Joliot, was born in Paris in 1927.

Ève Curie, the younger daughter of Marie Curie, was born in Paris in 1904. Ève Curie wrote the biography Madame Curie. \
Ève Curie married Henry Labouisse, who directed UNICEF. Paul Langevin was a student of Pierre Curie. Paul Langevin was \
born in Paris in 1872 and taught at the Collège de France."""
"""A text to try it with, every sentence of which states facts."""


def checked_text(given: object) -> str:
    """What was pasted, with ends of lines as the reader of texts has them; "" where that is nothing.

    Raises:
        UsageError: it is no text to be read, and why.
    """
    if not isinstance(given, str | None):  # anybody can send anything
        raise UsageError(f"expected a text, found {type(given).__name__}")
    text = (given or "").strip()
    if len(text) > MOST_CHARACTERS:
        raise UsageError(
            f"the text has {len(text):,} characters, and at most {MOST_CHARACTERS:,} are read here: paste a part of "
            "it, or run python -m reasoning graph extract on your own machine, which reads up to 20 MB"
        )
    # Half a surrogate pair can be sent by nobody, and would not come back to the page.
    text = text.replace("\r\n", "\n").replace("\r", "\n").encode(errors="replace").decode()
    if "\0" in text:
        raise UsageError("this is not text: it has a character of code 0. Paste the text itself and not a file's bytes")
    words = fold(text)
    if text and (not any(map(str.isalnum, text)) or (words.isascii() and " " not in words)):
        raise UsageError(
            "the text is no sentence: paste one that says how things are related, such as "
            '"Marie Curie was born in Warsaw."'
        )
    return text
