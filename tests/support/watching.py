"""Which small wrongs change a value at all where an example comes by: no other can be noticed there."""

from __future__ import annotations

import ast
import builtins
import copy
import operator
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

Key = tuple[int, int, str]
"""A wrong: line and column of what it changes, and the change in words."""

_WATCH = "_watch"
_OPERATIONS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda one, many: one in many,
    ast.NotIn: lambda one, many: one not in many,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
}


class Watch:
    """Functions of a module that tell which of their wrongs would change a value, each worked out beside the right one.

    `wrongs` are the changed expressions by the id of what they take the place of. One that cannot be worked out from
    the same operands is taken to change a value everywhere.
    """

    def __init__(
        self,
        module: ModuleType,
        functions: Sequence[ast.FunctionDef],
        wrongs: Mapping[int, Sequence[tuple[Key, ast.AST]]],
    ) -> None:
        self._own = frozenset(function.name for function in functions)
        self._names = vars(builtins) | vars(module)
        self._wrongs = wrongs
        self._sites: list[tuple[Callable[..., Any], list[tuple[Key, Callable[..., Any]]]]] = []
        self._unwatched: set[Key] = set()
        self._changed: set[Key] = set()
        watched = ast.Module([self._watched(function) for function in functions], [])
        self._namespace = vars(module) | {_WATCH: self._worked_out}
        exec(compile(ast.fix_missing_locations(watched), module.__file__ or "", "exec"), self._namespace)

    def function(self, name: str) -> Callable[..., Any]:
        """The function of this name; it gives and raises what the one of the module does."""
        found: Callable[..., Any] = self._namespace[name]
        return found

    def changed_by(self, run: Callable[[], object]) -> frozenset[Key]:
        """The wrongs that change a value somewhere while `run` runs, which calls the functions."""
        self._changed = set(self._unwatched)
        run()
        return frozenset(self._changed)

    def _watched(self, tree: Any) -> Any:
        """`tree` with a call that looks at the operands in the place of each expression that has wrongs."""
        if isinstance(tree, list):
            return [self._watched(part) for part in tree]
        if not isinstance(tree, ast.AST):
            return tree
        twin = copy.copy(tree)
        for name, part in ast.iter_fields(tree):
            setattr(twin, name, self._watched(part))
        if not (wrongs := self._wrongs.get(id(tree))):
            return twin
        right = self._operation(tree)
        if right is None:
            self._unwatched |= {key for key, _ in wrongs}
            return twin
        operand = getattr(tree, "operand", None)
        site = [(key, _itself if wrong is operand else self._operation(wrong)) for key, wrong in wrongs]
        self._sites.append((right, [(key, wrong) for key, wrong in site if wrong is not None]))
        self._unwatched |= {key for key, wrong in site if wrong is None}
        number = ast.Constant(len(self._sites) - 1)
        keywords = twin.keywords if isinstance(twin, ast.Call) else []
        return ast.Call(ast.Name(_WATCH, ast.Load()), [number, *_operands(twin)], keywords)

    def _operation(self, node: ast.AST) -> Callable[..., Any] | None:
        """What an expression does with its operands; None where it does not simply take them all."""
        match node:
            case ast.Compare(ops=[op]) | ast.BinOp(op=op) | ast.UnaryOp(op=op):
                return _OPERATIONS.get(type(op))
            case ast.Call(args=args) if any(isinstance(each, ast.GeneratorExp | ast.Starred) for each in args):
                return None
            case ast.Call(func=ast.Name(id=name)) if name not in self._own:
                return self._names.get(name)
            case ast.Call(func=ast.Attribute(attr=name)):
                return lambda owner, *args, **named: getattr(owner, name)(*args, **named)
        return None

    def _worked_out(self, number: int, *operands: Any, **named: Any) -> Any:
        right, wrongs = self._sites[number]
        try:
            value = right(*operands, **named)
        except Exception:
            self._changed |= {key for key, _ in wrongs}
            raise
        for key, wrong in wrongs:
            if key not in self._changed and not _gives(value, wrong, operands, named):
                self._changed.add(key)
        return value


def _operands(node: Any) -> list[ast.expr]:
    match node:
        case ast.Compare():
            return [node.left, *node.comparators]
        case ast.BinOp():
            return [node.left, node.right]
        case ast.UnaryOp():
            return [node.operand]
        case ast.Call(func=ast.Attribute()):
            return [node.func.value, *node.args]
    found: list[ast.expr] = node.args
    return found


def _itself(value: Any) -> Any:
    return value


def _gives(value: Any, operation: Callable[..., Any], operands: Sequence[Any], named: Mapping[str, Any]) -> bool:
    """Whether the operation surely gives `value` as well."""
    try:
        other = operation(*operands, **named)
        if type(value) is not type(other):
            return False
        if isinstance(value, pd.Series):
            return value.dtype == other.dtype and value.equals(other)
        if isinstance(value, np.ndarray):
            return value.dtype == other.dtype and np.array_equal(value, other)
        return value is other or bool(value == other)
    except Exception:  # what raises, or compares to nothing that is true or false, is another value
        return False
