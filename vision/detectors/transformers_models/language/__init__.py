"""Vision-language models that write boxes, held to the syntax of their family."""
