"""Which value a name has, for which host, at which moment.

Knows precedence, the folders and files variables stand in, the magic ones, and what hosts
have learnt in the run. Leaves evaluating templates to `templating`.
"""

from outlast.variables.extra import KeyValues, parse_extra_vars
from outlast.variables.files import load_vars_file
from outlast.variables.magic import Options
from outlast.variables.precedence import LayeredScope, Precedence
from outlast.variables.variables import Variables

__all__ = [
    "KeyValues",
    "LayeredScope",
    "Options",
    "Precedence",
    "Variables",
    "load_vars_file",
    "parse_extra_vars",
]
