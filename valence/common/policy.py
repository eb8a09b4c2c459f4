# SPDX-License-Identifier: Apache-2.0
"""Who may do what: personas, and the decision over one rule. The rules themselves stand in the tables of routes."""

import functools
import time

from oslo_config import cfg
from oslo_policy import policy

from valence.common import errors

PUBLIC = "rule:valence:public"
READER = "rule:valence:reader"
MEMBER = "rule:valence:member"
ADMIN = "rule:valence:admin"

PERSONAS = (
    policy.RuleDefault("valence:public", "@", "Everybody, also without credentials."),
    policy.RuleDefault("valence:admin", "role:admin", "Whoever may change everything."),
    policy.RuleDefault("valence:member", "role:member or rule:valence:admin", "Whoever may start work."),
    policy.RuleDefault(
        "valence:reader", "role:reader or rule:valence:member", "Whoever may look at everything."
    ),
)

#: seconds for which a decision is reused; a changed policy file counts after that
REUSED = 5


def list_rules(routes=(), personas=()):
    """Return the personas, ``personas`` too, and one documented rule per name that ``routes`` mention, in their order.

    A route has ``rule`` (its name), ``persona``, ``summary``, ``method`` and ``url``.
    """
    operations, first = {}, {}
    for route in routes:
        first.setdefault(route.rule, route)
        operations.setdefault(route.rule, []).append({"method": route.method, "path": route.url})
    return [*PERSONAS, *personas, *(_rule(route, operations[name]) for name, route in first.items())]


def _rule(route, operations):
    return policy.DocumentedRuleDefault(route.rule, route.persona, route.summary, operations)


def get_enforcer(conf=cfg.CONF, rules=PERSONAS):
    """Return an oslo.policy enforcer of ``rules`` and of the policy file of ``conf``."""
    enforcer = policy.Enforcer(conf)
    enforcer.register_defaults(list(rules))
    return enforcer


def _load(enforcer):
    """Read the policy file; raise ConfigurationInvalid."""
    try:
        enforcer.load_rules()
    except (
        ValueError,
        TypeError,
        AttributeError,
        OSError,
        cfg.Error,
        policy.InvalidDefinitionError,
    ) as error:
        reason = " ".join(str(error).split())
        detail = (
            f"[oslo_policy] policy_file, {enforcer.conf.oslo_policy.policy_file}, cannot be used: {reason}."
        )
        hint = "Make it a YAML object of rules: etc/valence/policy.yaml.sample has all of them."
        raise errors.ConfigurationInvalid(problems=[{"detail": detail, "hint": hint}]) from None


class Policy:
    """Decisions over rules. One of oslo.policy costs 0.1 ms, so equal ones are reused for some seconds."""

    def __init__(self, enforcer):
        self._enforcer = enforcer
        _load(enforcer)
        self._decide = functools.lru_cache(maxsize=4096)(self._ask)

    def allows(self, rule, context, project_id=None):
        """Return whether ``rule`` allows whoever ``context`` stands for, on things of a project where they have one."""
        values = context.to_policy_values()
        return self._decide(rule, _frozen(values), project_id, int(time.monotonic() / REUSED))

    def _ask(self, rule, frozen, project_id, _period):
        credentials = {name: list(value) if isinstance(value, tuple) else value for name, value in frozen}
        target = {} if project_id is None else {"project_id": project_id}
        return bool(self._enforcer.authorize(rule, target, credentials))


def _frozen(values):
    """Return the policy values of a context in a form that can be a key."""
    return tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in values.items())
