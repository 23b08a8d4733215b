"""Small wrongs put into a check, one at a time: each must be noticed by an example of the catalogue."""

from __future__ import annotations

import ast
import copy
import inspect
import operator
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import CodeType, ModuleType
from typing import Any, NamedTuple

from slicing import Slice
from watching import Key, Watch

from vbr_audit.checks.engine.examples import assess_view, inputs_of, view_of
from vbr_audit.checks.engine.outcome import Example
from vbr_audit.checks.engine.registry import Check
from vbr_audit.checks.engine.views import ServerView

Functions = dict[str, Callable[..., Any]]

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_BITS: dict[type[ast.operator], type[ast.operator]] = {ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd}
_NAMES = {"any": "all", "all": "any", "any_of": "all_of", "all_of": "any_of", "min": "max", "max": "min"}
_NAMES |= {"surely_not": "surely"}


@dataclass(frozen=True, eq=False)
class Mutant:
    """One changed expression of the function `owner`; `key` tells it from the other mutants of its module."""

    owner: str
    key: Key
    functions: tuple[ast.FunctionDef, ...]

    @property
    def text(self) -> str:
        """What it was and what it is now, as a list of exceptions names it."""
        return self.key[2]

    def build(self, module: ModuleType) -> Functions:
        """The functions of `module` by name, with the change in one; the module stays as it is."""
        return _built(module, _compiled(module, self.functions), {})


def _built(module: ModuleType, code: CodeType, instead: Mapping[int, Any]) -> Functions:
    """The functions that `code` declares in `module`; they find others in the place of what `instead` has by id."""
    namespace = {name: instead.get(id(thing), thing) for name, thing in vars(module).items()}
    exec(code, namespace)
    return {name: namespace[name] for name in code.co_names if name in namespace}


def _compiled(module: ModuleType, functions: Iterable[ast.FunctionDef]) -> CodeType:
    return compile(ast.Module(list(functions), []), module.__file__ or "", "exec")


@cache
def _code_of(module: ModuleType) -> CodeType:
    """All functions of `module` as they stand."""
    return _compiled(module, functions_of(module).values())


@cache
def functions_of(module: ModuleType) -> dict[str, ast.FunctionDef]:
    """The functions of `module` by name, without their decorators."""
    found = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
            # Parsed alone, annotations would be evaluated, and some name what only type checkers import.
            for argument in (*node.args.args, *node.args.kwonlyargs):
                argument.annotation = None
            node.returns = None
            found[node.name] = node
    return found


def mutants_of(check: Check, owner: str) -> Iterator[Mutant]:
    """Every mutant of `owner`: the function of `check`, or a helper of its module that decides with it."""
    functions = functions_of(module_of(check))
    found = slice_of(check)
    reached = {name: functions[name] for name in sorted(found.reached)}
    for node in ast.walk(reached[owner]):
        if id(node) in found.deciding:
            yield from _changes(node, owner, reached)


@cache
def slice_of(check: Check) -> Slice:
    """What decides in the function of `check` and in the helpers of its module."""
    return Slice(functions_of(module_of(check)), check.function.__name__)


def _changes(node: ast.AST, owner: str, functions: dict[str, ast.FunctionDef]) -> Iterator[Mutant]:
    for changed in _variants(node):
        mutated = _swapped(functions[owner], node, _placed(changed, node))
        kept = tuple(mutated if name == owner else function for name, function in functions.items())
        yield Mutant(owner, _key_of(node, changed), kept)


def _placed(changed: ast.AST, node: ast.AST) -> ast.AST:
    """What takes the place of `node`, at that place of the source; its operand has one of its own."""
    return changed if hasattr(changed, "lineno") else ast.fix_missing_locations(ast.copy_location(changed, node))


def _key_of(node: Any, changed: ast.AST) -> Key:
    return node.lineno, node.col_offset, f"{ast.unparse(node)} -> {ast.unparse(changed)}"


def _swapped(tree: Any, old: ast.AST, new: ast.AST) -> Any:
    """`tree` with `new` in the place of `old`; only what stands above that is another than before."""
    if tree is old:
        return new
    if isinstance(tree, list):
        parts = [_swapped(part, old, new) for part in tree]
        return parts if any(map(operator.is_not, parts, tree)) else tree
    if not isinstance(tree, ast.AST):
        return tree
    for name, part in ast.iter_fields(tree):
        if (changed := _swapped(part, old, new)) is not part:
            above = copy.copy(tree)
            setattr(above, name, changed)
            return above
    return tree


def _variants(node: ast.AST) -> Iterator[ast.AST]:
    """`node` with one operator changed, in every way."""
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            for other in _COMPARISONS[type(operator)]:
                yield _with(node, ops=[*node.ops[:place], other(), *node.ops[place + 1 :]])
    elif isinstance(node, ast.BinOp) and type(node.op) in _BITS:
        yield _with(node, op=_BITS[type(node.op)]())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert | ast.Not):
        yield node.operand
    elif isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _NAMES:
        yield _with(node, func=ast.Name(_NAMES[node.func.id], ast.Load()))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _NAMES:
        yield _with(node, func=_with(node.func, attr=_NAMES[node.func.attr]))


def _with(node: Any, **parts: Any) -> Any:
    return type(node)(**{name: getattr(node, name, None) for name in node._fields} | parts)


def module_of(check: Check) -> ModuleType:
    """The module that declares `check`."""
    return sys.modules[check.function.__module__]


class Case(NamedTuple):
    """An example by its number, its view, and the input that is taken away there, so that nothing must be known."""

    number: int
    example: Example
    view: ServerView
    without: str | None


@cache
def cases_of(check: Check) -> tuple[Case, ...]:
    """The examples of `check` with their views, then the passing ones with each input taken away."""
    examples = list(enumerate(check.examples))
    plain = [Case(number, example, view_of(check, example), None) for number, example in examples]
    blanked = [
        Case(number, example, view_of(check, example, without=name), name)
        for number, example in examples
        if example.result == "PASS"
        for name in inputs_of(check, example)
    ]
    return (*plain, *blanked)


def unnoticed(check: Check, mutants: Iterable[Mutant]) -> list[Mutant]:
    """Those with which no example of `check` fails, as it stands or without one of its inputs."""
    left, name = list(mutants), check.function.__name__
    built: dict[Mutant, Check] = {}
    for number, case in enumerate(cases_of(check)):
        if not left:
            break
        changed = _changed_by(check, number)
        for mutant in [each for each in left if each.key in changed]:
            if mutant not in built:
                built[mutant] = replace(check, function=mutant.build(module_of(check))[name])
            if _fails(built[mutant], case):
                left.remove(mutant)
    return left


@cache
def _changed_by(check: Check, number: int) -> frozenset[Key]:
    """The mutants that have another value somewhere in the case of this number: the others do there as `check` does."""
    case = cases_of(check)[number]
    watch = _watch_of(check)
    watched = replace(check, function=watch.function(check.function.__name__))
    return watch.changed_by(lambda: assess_view(watched, case.example, case.view))


@cache
def _watch_of(check: Check) -> Watch:
    functions, found = functions_of(module_of(check)), slice_of(check)
    reached = [functions[name] for name in sorted(found.reached)]
    wrongs = {
        id(node): [(_key_of(node, changed), changed) for changed in _variants(node)]
        for function in reached
        for node in ast.walk(function)
        if id(node) in found.deciding
    }
    return Watch(module_of(check), reached, wrongs)


def _fails(check: Check, case: Case) -> bool:
    """Whether an example no longer holds with `check`, whose function was changed."""
    example, blank = case.example, case.without is not None
    found = assess_view(check, example, case.view)
    if found.result.tolist() != (["UNKNOWN"] if blank else [example.result]):
        return True
    return not blank and example.severity is not None and found.severity.tolist() != [example.severity]


@cache
def _soonest_first(check: Check) -> list[Case]:
    """The cases; whoever finds that one notices a mutant puts it in front: the next mutant is often like the last."""
    return list(cases_of(check))


def _is_noticed(check: Check, function: Callable[..., Any]) -> bool:
    cases, changed = _soonest_first(check), replace(check, function=function)
    for at, case in enumerate(cases):
        if _fails(changed, case):
            cases.insert(0, cases.pop(at))
            return True
    return False


class Shared:
    """Modules on which those of the checks stand, each after those that it imports; any of them may be changed."""

    def __init__(self, modules: Sequence[ModuleType], checks: Iterable[Check]) -> None:
        self._modules = modules
        self._used = {check: _names_used(check) for check in checks}
        self._soonest_first = list(self._used)
        self._calls = {
            name: {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
            for module in modules
            for name, function in functions_of(module).items()
        }

    def mutants(self, module: ModuleType, name: str) -> Iterator[Mutant]:
        """Every mutant of the function `name` of `module`."""
        functions = functions_of(module)
        for node in ast.walk(functions[name]):
            yield from _changes(node, name, functions)

    def is_noticed(self, module: ModuleType, mutant: Mutant) -> bool:
        """Whether an example of some check fails with `mutant` of `module`."""
        users = self._users(mutant.owner)
        instead = self._instead(module, mutant)
        for at, check in enumerate(self._soonest_first):
            if self._used[check] & users:
                home = module_of(check)
                built = _built(home, _code_of(home), instead)
                if _is_noticed(check, built[check.function.__name__]):
                    self._soonest_first.insert(0, self._soonest_first.pop(at))
                    return True
        return False

    def _users(self, name: str) -> set[str]:
        """The functions of the modules that are, or lead to, the one called `name`."""
        found = {name}
        while more := {caller for caller, called in self._calls.items() if called & found} - found:
            found |= more
        return found

    def _instead(self, module: ModuleType, mutant: Mutant) -> dict[int, Any]:
        """The functions that take the places of those of `module` and of the modules after it, by id."""
        instead: dict[int, Any] = {}
        for each in self._modules[self._modules.index(module) :]:
            code = _compiled(each, mutant.functions) if each is module else _code_of(each)
            built = _built(each, code, instead)
            instead |= {id(getattr(each, name)): built[name] for name in functions_of(each)}
        return instead


def _names_used(check: Check) -> set[str]:
    """The names in the function of `check` and in those of its module that it leads to."""
    functions = functions_of(module_of(check))
    found, seen = {check.function.__name__}, set[str]()
    while more := (found & set(functions)) - seen:
        seen |= more
        for name in more:
            found |= {node.id for node in ast.walk(functions[name]) if isinstance(node, ast.Name)}
    return found
