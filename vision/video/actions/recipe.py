"""How a network of actions is made and taught, apart from what does it: options are read without torch."""

from __future__ import annotations

from dataclasses import dataclass

from vision.errors import ActionsError


@dataclass(frozen=True)
class Recipe:
    """How a network is made and taught: the paper's numbers, with the layers that did best where they were compared.

    Attributes:
        graph: graph layers behind the first stage, as in the paper; else convolutions as in the first.
        self_supervision: with exchanged frames.
        epochs: passes over the videos, one video an update.
        learning_rate: of Adam.
        layers: of each stage at most: no dilation exceeds the shortest video.
        stages: the first included.
        width: channels inside.
        seed: of everything drawn.
    """

    graph: bool = False
    self_supervision: bool = False
    epochs: int = 50
    learning_rate: float = 5e-4
    layers: int = 10
    stages: int = 4
    width: int = 64
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("epochs", "layers", "stages", "width"):
            if getattr(self, name) < 1:
                raise ActionsError(f"{name} is at least 1, not {getattr(self, name)}")
        if not 0 < self.learning_rate <= 1:
            raise ActionsError(f"learning_rate is above 0 and at most 1, not {self.learning_rate}")
