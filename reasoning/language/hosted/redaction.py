"""Keeping keys out of messages: providers quote the request in their errors, and errors end up in logs and pages."""

from __future__ import annotations

import os
import re

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

HIDDEN = "[hidden]"

_SECRET_NAME = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS?)$", re.IGNORECASE)
_LOOKS_SECRET = re.compile(
    r"(?<=://)[^/@\s]+(?=@)"  # user:password in an address
    r"|(?<=bearer )\S+"
    r"|(?<=basic )[A-Za-z0-9+/=]{8,}"
    r"|(?<=[?&]key=)[^&\s]+"
    r"|\b(?:sk|pk|rk|gsk|xai|hf|nvapi|pplx|csk)[-_][\w*.-]{6,}"
    r"|\bAIza[\w-]{20,}",
    re.IGNORECASE,
)
_SHORTEST = 6  # shorter values are placeholders such as "none", and hiding them would spoil ordinary words


def redact(text: str, llm: BaseChatModel | None = None) -> str:
    """`text` without what is or looks like a secret.

    Hidden are the values of environment variables that are named like secrets, the secret fields of `llm`, and
    anything in the shape of a known provider's key, an authorization header or a password in an address.
    """
    known = {value for name, value in os.environ.items() if _SECRET_NAME.search(name)}
    if llm is not None:
        for field in type(llm).model_fields:
            value = getattr(llm, field, None)
            if isinstance(value, SecretStr):
                known.add(value.get_secret_value())
    # The longest first: one secret may begin another.
    for secret in sorted((s for s in known if len(s) >= _SHORTEST), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return _LOOKS_SECRET.sub(HIDDEN, text)
