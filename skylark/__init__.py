"""The one command `skylark`, which leads to the command lines of the rooms."""
