"""Running a bound chain: exactly, many at once, and what every run gives.

Importing the package loads what supplies a step's question.
"""

import reasoning.wording.sub_question  # noqa: F401
