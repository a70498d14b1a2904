"""Where an image lies that a visitor or a program has sent: among the uploads, or inside the request itself.

Nothing is fetched, and no path is read that the server did not give to something uploaded. Gradio does not see to that
for images that are handed on as they came.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from gradio.utils import get_upload_folder

from kg_data.errors import SkylarkError

SERVED = "/gradio_api/file="
"""In the address that an uploaded file has on this server."""


def sent(file: Any) -> Path | bytes | None:
    """The path of an uploaded file, or the bytes of an image that came as a text; None where there is none.

    What is in it is for `load_image` to say, whose errors are sentences.

    Args:
        file: as Gradio describes a file, {"path": ...}; or a text, which is the path that an upload gave, the address
            that it has on this server, or "data:image/...;base64,...".

    Raises:
        SkylarkError: it was not uploaded, or the text cannot be read.
    """
    path = file.get("path") if isinstance(file, dict) else file
    if not path or not isinstance(path, str):
        return None
    if path.startswith("data:"):
        return _decoded(path)
    return uploaded(path)


def uploaded(path: str) -> Path:
    """The path of an uploaded file, itself and not what a link leads to.

    Raises:
        SkylarkError: it was not uploaded.
    """
    if path.startswith(("http://", "https://")) and SERVED in path:
        path = unquote(path.partition(SERVED)[2])
    try:
        found = Path(path).resolve()
        inside = "\0" not in path and found.is_relative_to(Path(get_upload_folder()).resolve())
    except (OSError, ValueError):
        inside = False
    if not inside:
        raise SkylarkError("this file was not sent to this page: upload it first; no address is fetched here")
    return found


def without_path(error: SkylarkError, path: Path) -> str:
    """An error's message without the file's path: where this machine keeps it is nobody's business."""
    return str(error).replace(str(path), "this file")


def _decoded(text: str) -> bytes:
    head, _, body = text.partition(",")
    if not head.endswith(";base64"):
        raise SkylarkError('an image inside a request is written "data:image/jpeg;base64,...": this is not')
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SkylarkError("the image inside the request is cut off or no base64: send it again") from error
