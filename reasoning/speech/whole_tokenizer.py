"""Whisper's tokenizer with its first merge, which its published files have lost.

They hold every rule of byte-pair encoding but the first, "Ġ t": a converter took it for a header. So a space and "the"
are written as two tokens where the model was taught one, and the model does not know what it is told to expect as soon
as a word begins with "t". What it writes itself is read rightly all the same.
"""

from __future__ import annotations

import json

from tokenizers import Tokenizer

FIRST_MERGE = ("Ġ", "t")


def whole_tokenizer(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer as it is where it has the merge, or its vocabulary does not know what that makes.

    Args:
        tokenizer: by byte-pair encoding of bytes, as GPT-2's.
    """
    written = json.loads(tokenizer.to_str())
    model = written["model"]
    merges = [tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge) for merge in model.get("merges", ())]
    if not merges or "".join(FIRST_MERGE) not in model["vocab"] or FIRST_MERGE in merges:
        return tokenizer
    model["merges"] = [FIRST_MERGE, *merges]
    return Tokenizer.from_str(json.dumps(written))
