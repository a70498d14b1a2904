"""Questions that follow an answer: "and its population?", "only those in Europe", "the second one", "and Spain?"."""
