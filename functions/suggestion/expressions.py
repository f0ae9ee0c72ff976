"""Constraints between parameters: comparisons in a small language that can neither run away nor reach anything.

The text is Python's syntax for arithmetic and comparison, held to a list of what is allowed and to kinds (number, text,
truth) before anything is evaluated; all numbers are floats, so that no step takes more than a bounded time.
"""

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Self, cast

from functions.errors import KuttabError
from functions.suggestion.arithmetic import ARITHMETIC, FUNCTIONS

if TYPE_CHECKING:
    from simpleeval import EvalWithCompoundTypes

MAX_CHARACTERS = 1_000
MAX_DEPTH = 50
"""Operators inside each other; Python itself ends at a few hundred."""
PARAMETERS = "parameters"
"""`parameters["batch-size"]` is a parameter whose name is no word of the language."""


class Kind(StrEnum):
    """What an expression gives."""

    NUMBER = "a number"
    TEXT = "a text"
    TRUTH = "true or false"


class ConstraintError(KuttabError):
    """The constraint cannot be read: its message says why, and where."""

    def __init__(self, message: str, node: ast.AST | None = None) -> None:
        column = getattr(node, "col_offset", None)
        super().__init__(message if column is None else f"{message}, at character {column + 1}")


_SEVERAL = frozenset({"min", "max"})
_ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


@dataclass(frozen=True)
class Constraint:
    """A comparison that must hold at every point that is tried."""

    text: str
    names: frozenset[str]
    """The parameters that it looks at."""

    @classmethod
    def parse(cls, text: str, kinds: Mapping[str, Kind]) -> Self:
        """Read a constraint on parameters of these kinds. Raises ConstraintError."""
        tree = _parse(text)
        kind = _kind_of(tree.body, kinds)
        if kind != Kind.TRUTH:
            message = f"must be true or false, such as x + y <= 10, but gives {kind}"
            raise ConstraintError(message)
        functions = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        names = (node for node in ast.walk(tree) if isinstance(node, ast.Name) and node not in functions)
        return cls(text, frozenset(node.id for node in names))

    @cached_property
    def _evaluator(self) -> "tuple[EvalWithCompoundTypes, ast.expr]":
        from simpleeval import DEFAULT_OPERATORS, EvalWithCompoundTypes

        evaluator = EvalWithCompoundTypes(operators={**DEFAULT_OPERATORS, **ARITHMETIC}, functions=dict(FUNCTIONS))
        return evaluator, _parse(self.text).body

    def holds(self, values: Mapping[str, float | str]) -> bool:
        """Tell whether it holds: where a parameter has no value it does, where it cannot be computed it does not."""
        if not self.names <= values.keys():
            return True
        from simpleeval import InvalidExpression

        evaluator, tree = self._evaluator
        evaluator.names = dict(values)
        try:
            return bool(evaluator.eval(self.text, previously_parsed=tree))
        except (ArithmeticError, InvalidExpression, TypeError, ValueError):
            return False  # a division by zero, the root of a negative number, a power out of bounds


@lru_cache(256)
def _parse(text: str) -> ast.Expression:
    if len(text) > MAX_CHARACTERS:
        message = f"may not be longer than {MAX_CHARACTERS} characters"
        raise ConstraintError(message)
    try:
        tree = ast.parse(text.strip(), mode="eval")
        _check_depth(tree)
        return ast.fix_missing_locations(cast("ast.Expression", _Plain().visit(tree)))
    except SyntaxError as error:
        message = f"cannot be read: {error.msg}, at character {error.offset or 1}"
        raise ConstraintError(message) from error
    except (MemoryError, RecursionError, ValueError) as error:
        message = "cannot be read: it is nested too deeply, or holds what is no text"
        raise ConstraintError(message) from error


def _check_depth(tree: ast.AST) -> None:
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    if level:
        message = f"may not be nested deeper than {MAX_DEPTH}"
        raise ConstraintError(message)


class _Plain(ast.NodeTransformer):
    """Makes floats of all numbers, and names of `parameters["..."]`."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Return the number as a float: whole numbers grow without end."""
        if not isinstance(node.value, int | float) or isinstance(node.value, bool):
            return node
        try:
            number = float(node.value)
        except OverflowError:
            number = math.inf
        if math.isinf(number):
            message = "holds a number that is too large"
            raise ConstraintError(message, node)
        return ast.copy_location(ast.Constant(number), node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Return the parameter of this name."""
        is_ours = isinstance(node.value, ast.Name) and node.value.id == PARAMETERS
        if is_ours and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            return ast.copy_location(ast.Name(node.slice.value, ast.Load()), node)
        return node


def _kind_of(node: ast.expr, kinds: Mapping[str, Kind]) -> Kind:
    """Return what the expression gives. Raises ConstraintError for all that is not of the language."""
    if isinstance(node, ast.Constant | ast.Name):
        return _kind_of_leaf(node, kinds)
    if isinstance(node, ast.Compare):
        return _kind_of_comparison(node, kinds)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        return _kind_of_call(node, node.func.id, kinds)
    if isinstance(node, ast.IfExp):
        _need(Kind.TRUTH, [node.test], kinds)
        return _need(_kind_of(node.body, kinds), [node.orelse], kinds)
    kind, operands = _operands(node)
    return _need(kind, operands, kinds)


def _kind_of_leaf(node: ast.Constant | ast.Name, kinds: Mapping[str, Kind]) -> Kind:
    if isinstance(node, ast.Name):
        if node.id in kinds:
            return kinds[node.id]
        message = f"unknown parameter {node.id}"
        raise ConstraintError(message, node)
    found = {bool: Kind.TRUTH, float: Kind.NUMBER, str: Kind.TEXT}.get(type(node.value))
    if found is None:
        message = f"{node.value!r} is not part of the language"
        raise ConstraintError(message, node)
    return found


def _operands(node: ast.expr) -> tuple[Kind, list[ast.expr]]:
    """Return what an operator works on, which is also what it gives."""
    if isinstance(node, ast.BoolOp):
        return Kind.TRUTH, node.values
    if isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Invert):
        return (Kind.TRUTH if isinstance(node.op, ast.Not) else Kind.NUMBER), [node.operand]
    if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        return Kind.NUMBER, [node.left, node.right]
    message = f"{type(node).__name__} is not part of the language"
    raise ConstraintError(message, node)


def _need(kind: Kind, nodes: list[ast.expr], kinds: Mapping[str, Kind]) -> Kind:
    for node in nodes:
        found = _kind_of(node, kinds)
        if found != kind:
            message = f"needs {kind}, not {found}"
            raise ConstraintError(message, node)
    return kind


def _kind_of_call(node: ast.Call, name: str, kinds: Mapping[str, Kind]) -> Kind:
    if name not in FUNCTIONS:
        message = f"unknown function {name}: there are {', '.join(FUNCTIONS)}"
        raise ConstraintError(message, node)
    if not node.args or (len(node.args) > 1) != (name in _SEVERAL):
        message = f"{name} takes {'two numbers or more' if name in _SEVERAL else 'one number'}"
        raise ConstraintError(message, node)
    return _need(Kind.NUMBER, node.args, kinds)


def _kind_of_comparison(node: ast.Compare, kinds: Mapping[str, Kind]) -> Kind:
    left = _kind_of(node.left, kinds)
    for operator, right in zip(node.ops, node.comparators, strict=True):
        if isinstance(operator, ast.In | ast.NotIn) and isinstance(right, ast.List | ast.Tuple):
            _need(left, right.elts, kinds)
        elif isinstance(operator, _ORDER):
            _need(Kind.NUMBER, [node.left, right], kinds)
        elif isinstance(operator, ast.Eq | ast.NotEq):
            _need(left, [right], kinds)
        else:
            message = f"{type(operator).__name__} is not part of the language here"
            raise ConstraintError(message, right)
    return Kind.TRUTH
