"""`python -m outlast` is `outlast`."""

from outlast.cli.program import program

program()
