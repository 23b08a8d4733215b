"""What a check would find with other parameters, from the same snapshot."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Set
from itertools import product
from typing import Any, Final

import pandas as pd

from vbr_audit.checks.earlier import Earlier
from vbr_audit.checks.engine.views import views_of
from vbr_audit.checks.policy.needs import needed_datasets
from vbr_audit.checks.policy.policy import Policy
from vbr_audit.checks.policy.use import CheckUse
from vbr_audit.checks.run import judge_with
from vbr_audit.checks.site import Site
from vbr_audit.collection.snapshot import Snapshot
from vbr_audit.config.yaml_file import model_problems, suggestion
from vbr_audit.errors import PolicyError
from vbr_audit.findings.evaluation import apply_waivers
from vbr_audit.findings.waivers import Waivers
from vbr_audit.tables.build.arrays import STRING
from vbr_audit.vocabulary import SEVERITIES, STATUSES

MOST_TRIALS: Final = 200
"""Maximum number of combinations of values that are tried."""

_PLAIN: Final[Mapping[type, Any]] = {
    int: pd.Int64Dtype(),
    float: pd.Float64Dtype(),
    bool: pd.BooleanDtype(),
    str: STRING,
}


def try_values(
    check_id: str,
    values: Mapping[str, Any],
    snapshot: Snapshot,
    policy: Policy,
    waivers: Waivers,
    site: Site,
    *,
    earlier: Earlier | None = None,
) -> pd.DataFrame:
    """One row per combination of `values`, each a value or a list of them, in the order given.

    Columns: the parameters; `in_force`, whether the policy has just these values; the number of findings by status
    after waivers (`pass`, `fail`, …), `fail_critical` … `fail_info`, and `compliance`, PASS as a fraction of all but
    those that do not apply (NA for none). An override of the policy for single objects still counts more. A disabled
    check is tried too. `earlier` is what the run is compared with; without it, the checks of drift do not apply.

    Raises `PolicyError` for a check, parameter or value that does not exist.
    """
    use = _use(check_id, policy)
    trials = _trials(use, values)
    views = views_of(snapshot, needed_datasets(policy.uses), site, earlier)
    rows = []
    for trial in trials:
        params = use.check.model.model_validate({**use.params, **trial}).model_dump()
        results = judge_with(_tried(use, params), views)
        waived = apply_waivers(results, waivers.waivers, snapshot.now, horizon_days=policy.waiver_horizon_days)
        status = pd.Series(waived.status, dtype=STRING)
        rows.append({**trial, "in_force": params == dict(use.params), **_counts(status, results["severity"])})
    return _frame(rows, list(trials[0]))


def _tried(use: CheckUse, params: Mapping[str, Any]) -> CheckUse:
    """The check enabled, with these parameters."""
    return dataclasses.replace(use, general=dataclasses.replace(use.general, params=params, enabled=True))


def _use(check_id: str, policy: Policy) -> CheckUse:
    known = {use.check.id: use for use in policy.uses}
    if check_id.upper() not in known:
        near = suggestion(check_id, known)
        raise PolicyError(f"no such check: {check_id}{near}", hint="`vbr-audit checks` lists them.")
    return known[check_id.upper()]


def _trials(use: CheckUse, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The combinations to try; raises `PolicyError`."""
    names = [parameter.name for parameter in use.check.parameters]
    if not values:
        known = f"Its parameters: {', '.join(names)}." if names else "It has no parameters."
        raise PolicyError(f"{use.check.id}: no parameter to try is given", hint=known)
    listed = {name: _several(use, name, given) for name, given in values.items()}
    trials = [dict(zip(listed, combination, strict=True)) for combination in product(*listed.values())]
    if not 0 < len(trials) <= MOST_TRIALS:
        raise PolicyError(
            f"{use.check.id}: {len(trials):,} combinations to try, at least 1 and at most {MOST_TRIALS} are accepted",
            hint="Give fewer values.",
        )
    problems = dict.fromkeys(
        f"{use.check.id}: {problem.path[0] if problem.path else ''}: {problem.message}"
        for trial in trials
        for problem in model_problems(use.check.model, trial, key_word="parameter")
    )
    if problems:
        raise PolicyError("\n".join(problems), hint=f"`vbr-audit checks {use.check.id}` shows its parameters.")
    return trials


def _several(use: CheckUse, name: str, given: Any) -> list[Any]:
    """The values to try for one parameter; where that is a list itself, a plain list is one value."""
    given = given.tolist() if hasattr(given, "tolist") else given
    if isinstance(given, (str, Mapping)) or not isinstance(given, Iterable):
        return [given]
    # Sets have no order of their own; the table must have one.
    listed = sorted(given, key=lambda one: (str(type(one)), one)) if isinstance(given, Set) else list(given)
    if isinstance(use.params.get(name), list | tuple) and not any(isinstance(one, list | tuple) for one in listed):
        return [listed]
    return [one.tolist() if hasattr(one, "tolist") else one for one in listed]


def _counts(status: pd.Series, severity: pd.Series) -> dict[str, Any]:
    numbers = {name.lower(): int((status == name).sum()) for name in STATUSES}
    failing = severity.reset_index(drop=True)[(status == "FAIL").to_numpy(dtype=bool, na_value=False)]
    judged = len(status) - numbers["not_applicable"]
    return {
        **numbers,
        **{f"fail_{name}": int((failing == name).sum()) for name in SEVERITIES},
        "compliance": numbers["pass"] / judged if judged else pd.NA,
    }


def _frame(rows: list[dict[str, Any]], names: list[str]) -> pd.DataFrame:
    columns: dict[str, Any] = {}
    for name in rows[0]:
        cells = [row[name] for row in rows]
        if name in names:
            kinds = {type(cell) for cell in cells}
            dtype = _PLAIN.get(kinds.pop(), STRING) if len(kinds) == 1 else pd.Float64Dtype()
            columns[name] = pd.Series([str(cell) for cell in cells] if dtype == STRING else cells, dtype=dtype)
        elif name == "in_force":
            columns[name] = pd.array(cells, dtype=pd.BooleanDtype())
        else:
            columns[name] = pd.array(cells, dtype=pd.Float64Dtype() if name == "compliance" else pd.Int64Dtype())
    return pd.DataFrame(columns)
