"""The built-in knowledge graph `world`: countries, cities, subdivisions and airports, and how they hang together.

It's there so that Skylark answers real questions on a fresh machine, without a download. The facts come from packages
on PyPI, each named with its licence in `SOURCES`; what those have wrong is set right in one reviewed table,
`kg_data.world.sources`.
"""

from kg_data.world.build import build, fingerprint
from kg_data.world.sources import SOURCES, Source

__all__ = ["SOURCES", "Source", "build", "fingerprint"]
