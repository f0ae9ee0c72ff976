"""The arithmetic of constraints: floats all the way, and no result that is not a finite number."""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Final

Operation = Callable[..., float]


def _computable(operation: Operation) -> Operation:
    """Return the operation as one that raises ArithmeticError where its result is too large, or no number.

    Infinity and NaN would be unequal to everything, and so make a constraint hold that means nothing there.
    """

    def compute(*operands: float) -> float:
        result = float(operation(*operands))
        if not math.isfinite(result):
            message = f"{result} is no finite number"
            raise ArithmeticError(message)
        return result

    return compute


FUNCTIONS: Final[Mapping[str, Operation]] = {
    "abs": abs,
    "ceil": _computable(math.ceil),
    "exp": math.exp,
    "floor": _computable(math.floor),
    "log": math.log,
    "max": max,
    "min": min,
    "sqrt": math.sqrt,
}

ARITHMETIC: Final[Mapping[type[ast.operator], Operation]] = {
    ast.Add: _computable(operator.add),
    ast.Sub: _computable(operator.sub),
    ast.Mult: _computable(operator.mul),
    ast.Div: _computable(operator.truediv),
    ast.FloorDiv: _computable(operator.floordiv),
    ast.Mod: _computable(operator.mod),
    ast.Pow: math.pow,
}
"""A power is C's: of a negative number with a fraction it raises ValueError, where Python's is a complex number."""
