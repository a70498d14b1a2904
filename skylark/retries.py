"""What a server says over HTTP of when to ask again."""

import email.utils
import time
from collections.abc import Mapping


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds until the time in the header `Retry-After`, a number or a date (RFC 9110); None where there is none."""
    value = str(headers.get("retry-after") or headers.get("Retry-After") or "").strip()
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
