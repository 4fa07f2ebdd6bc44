"""Templates and conditions evaluated, with stock's semantics.

The door is `Evaluator`; `Lookups` (as `Evaluator.lookups`) serves `with_<lookup>` loops.
"""

from outlast.templating.evaluator import Evaluator
from outlast.templating.file_lookups import template_variables
from outlast.templating.lookups import Lookups

__all__ = ["Evaluator", "Lookups", "template_variables"]
