"""What the words of an instruction mean among the classes that a detector knows."""
