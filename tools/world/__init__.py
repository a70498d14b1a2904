"""Makes the file of the built-in graph `world`, and what of it: `python -m tools.world`.

The facts come from packages on PyPI, each named with its licence in `SOURCES`; what those have wrong is set right in
one reviewed table, `corrections.toml`.
"""

from tools.world.build import build
from tools.world.sources import SOURCES, Source

__all__ = ["SOURCES", "Source", "build"]
