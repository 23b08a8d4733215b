"""Which expressions of a check decide, and which only word its findings: a backward slice over its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

WORDS = frozenset({"observed", "expected", "reason", "json_path", "accepted"})
"""The parts of an `Outcome` that only speak; arguments of these names only speak in every function."""
FIELDS = ("ok", "observed", "expected", "reason", "severity", "json_path", "applies", "accepted")
_FLOW = (ast.Return, ast.Raise, ast.Continue, ast.Break, ast.Yield, ast.YieldFrom)

Function = ast.FunctionDef


class Slice:
    """The expressions that decide what `start` answers, in it and in those of `functions` that it calls.

    `deciding` holds the ids of these nodes, `reached` the names of the functions that hold some of them.
    """

    def __init__(self, functions: Mapping[str, Function], start: str) -> None:
        self._functions = functions
        self._names: set[tuple[str, str]] = set()
        self._owner = start
        self.reached: set[str] = {start}
        self.deciding: set[int] = set()
        before = -1
        while before != len(self._names) + len(self.reached) + len(self.deciding):
            before = len(self._names) + len(self.reached) + len(self.deciding)
            for name in sorted(self.reached):
                self._owner = name
                self._block(functions[name].body)

    def _block(self, body: Iterable[ast.stmt]) -> None:
        # Backwards: a name is used below the line that sets it.
        for statement in reversed(list(body)):
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Expr):
            self._expression(node, decides=self._touches([node]))
        elif isinstance(node, ast.For | ast.While | ast.If | ast.With):
            self._block([*node.body, *getattr(node, "orelse", [])])
            head = [node.iter] if isinstance(node, ast.For) else [node.test] if not isinstance(node, ast.With) else []
            for part in head:
                self._expression(part, decides=self._touches(node.body + getattr(node, "orelse", [])))
        elif isinstance(node, ast.FunctionDef):
            self._block(node.body)
        else:
            self._expression(node, decides=True)

    def _touches(self, body: list[ast.stmt]) -> bool:
        """Whether statements set a name that decides, or leave the function or the loop."""
        nodes = [node for statement in body for node in ast.walk(statement)]
        if any(isinstance(node, _FLOW) for node in nodes):
            return True
        return any(
            (self._owner, name) in self._names
            for statement in nodes
            if isinstance(statement, ast.stmt)
            for name in _set_by(statement)
        )

    def _expression(self, node: ast.AST, *, decides: bool) -> None:
        if isinstance(node, ast.JoinedStr):
            decides = False
        if decides:
            self.deciding.add(id(node))
            if isinstance(node, ast.Name):
                self._names.add((self._owner, node.id))
                if node.id in self._functions:
                    self.reached.add(node.id)
        if not isinstance(node, ast.Call):
            for child in ast.iter_child_nodes(node):
                self._expression(child, decides=decides)
            return
        self._expression(node.func, decides=decides)
        for name, value in _arguments(node, self._functions):
            self._expression(value, decides=decides and self._passes(node, name))

    def _passes(self, call: ast.Call, name: str | None) -> bool:
        """Whether the argument called `name` decides in the function that is called."""
        if name in WORDS:
            return False
        callee = self._functions.get(_callee(call))
        if callee is None or name is None or name not in _parameters(callee):
            return True
        return (callee.name, name) in self._names


def _callee(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _parameters(function: Function) -> list[str]:
    return [argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)]


def _arguments(call: ast.Call, functions: Mapping[str, Function]) -> Iterator[tuple[str | None, ast.expr]]:
    """The arguments with the names under which the function that is called knows them, where that can be told."""
    callee = functions.get(_callee(call))
    names = list(FIELDS) if _callee(call) == "Outcome" else [a.arg for a in callee.args.args] if callee else []
    starred = False
    for place, value in enumerate(call.args):
        starred = starred or isinstance(value, ast.Starred)
        yield names[place] if place < len(names) and not starred else None, value
    for keyword in call.keywords:
        yield keyword.arg, keyword.value


def _set_by(node: ast.stmt) -> Iterator[str]:
    """The names whose value a statement sets or changes."""
    if isinstance(node, ast.Assign):
        targets: list[ast.expr] = node.targets
    elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.For):
        targets = [node.target]
    elif isinstance(node, ast.Expr):
        targets = [node.value]
    else:
        return
    for target in targets:
        yield from _roots(target)


def _roots(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from _roots(part)
    elif isinstance(target, ast.Attribute | ast.Subscript | ast.Starred):
        yield from _roots(target.value)
    elif isinstance(target, ast.Call):
        yield from _roots(target.func)
    elif isinstance(target, ast.Name):
        yield target.id
