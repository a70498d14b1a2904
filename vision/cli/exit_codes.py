"""What the process says to its caller when it ends."""

OK, FAILURE, USAGE, INTERRUPTED = 0, 1, 2, 130
