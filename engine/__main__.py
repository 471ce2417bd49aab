"""`python -m engine` is the command `isthmus`."""

from engine.cli import main

main(prog_name="isthmus")
