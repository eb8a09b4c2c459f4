# SPDX-License-Identifier: Apache-2.0
"""Rules that devices have to keep, and weights of what fits: tables of functions, which a site can add to.

A site's own functions come by entry points: ``valence.composition.filter`` is called as ``filter(device, part)`` and
returns whether the device may be that part; ``valence.composition.weigher`` is called as ``weigher(fit)`` and returns a
number, of which the smaller is better and counts before the policy.
"""

import functools
import typing
from collections import abc

from stevedore import extension

from valence.composition import requirements
from valence.db import models
from valence.db import store

FILTERS, WEIGHERS = "valence.composition.filter", "valence.composition.weigher"
PACK, SPREAD = "pack", "spread"


class Rule(typing.NamedTuple):
    """A condition on a field of devices: ``op`` is that of a store's filter.

    ``value`` returns from a part what is compared with, None if the part does not ask for it. ``text`` says it.
    """

    field: str
    op: str
    value: abc.Callable[[requirements.Part], typing.Any]
    text: abc.Callable[[requirements.Part], str]

    def condition(self, part: requirements.Part) -> store.Filter | None:
        """Return the filter of the devices that keep the rule, None where the part does not ask for it."""
        value = self.value(part)
        if not value and value != ():
            return None
        if self.op == "in" and len(value) == 1:
            return store.Filter(self.field, "eq", value[0])
        return store.Filter(self.field, self.op, value)

    def holds(self, device: models.Device, part: requirements.Part) -> bool:
        """Return whether a device keeps the rule."""
        value, own = self.value(part), getattr(device, self.field)
        if not value and value != ():
            return True
        return own in value if self.op == "in" else own >= value


UNITS = {"Compute": "cores", "System": "cores", "Storage": "GiB", "Network": "Mbps", "Memory": "MiB"}


def size_text(size: int, device_type: str) -> str:
    """Return a size of devices with its unit, such as "1 core" or "2 cores"."""
    unit = UNITS.get(device_type, "accelerators")
    return f"{size} {unit.removesuffix('s') if size == 1 and unit != 'Mbps' else unit}"


#: what a device has to keep beyond its type and state, in the order in which explanations count
RULES = (
    Rule("size", "gte", lambda part: part.size, lambda part: size_text(part.size, part.device_type)),
    Rule("memory_mib", "gte", lambda part: part.memory_mib, lambda part: f"{part.memory_mib} MiB of memory"),
    Rule("model", "in", lambda part: part.models, lambda part: f"model {part.model}"),
    Rule(
        "architecture",
        "in",
        lambda part: part.architectures,
        lambda part: f"{'type' if part.is_summed else 'architecture'} {(part.architectures or ('',))[0]}",
    ),
    Rule("media", "in", lambda part: part.media, lambda part: f"media {(part.media or ('',))[0]}"),
)


def conditions(part: requirements.Part, rules: abc.Iterable[Rule] = RULES) -> list[store.Filter]:
    """Return the filters of the devices that keep the rules for a part."""
    return [condition for rule in rules if (condition := rule.condition(part)) is not None]


def is_selective(part: requirements.Part) -> bool:
    """Return whether a part accepts only some of the devices that are large enough."""
    return any(each is not None for each in (part.models, part.architectures, part.media))


class Fit(typing.NamedTuple):
    """Devices that satisfy all parts, by the names of these; ``base`` is the first of them unless one is there.

    ``free`` returns the number of free devices where they are combined.
    """

    devices: tuple[tuple[requirements.Part, models.Device], ...]
    place: typing.Any
    free: abc.Callable[[], int]


def waste(fit: Fit) -> float:
    """Return how much of the devices is not asked for: the sum of a share of each, in steps of a hundredth."""
    return round(sum(_waste(part, device) for part, device in fit.devices), 2)


def _waste(part: requirements.Part, device: models.Device) -> float:
    if part.device_type != "Compute":
        return 0.0 if part.is_summed else _share(part.size, device.size)
    shares = [_share(part.size, device.cores), _share(part.memory_mib, device.memory_mib)]
    return sum(shares) / len(shares)


def _share(needed: int, size: int) -> float:
    return 1 - needed / size if size > needed else 0.0


def fullness(fit: Fit) -> float:
    """Return the number of free devices there: fewer are better."""
    return fit.free()


def emptiness(fit: Fit) -> float:
    """Return the number of free devices there, negative: more are better."""
    return -fit.free()


Weigher = abc.Callable[[Fit], float]
#: policy -> weighers, each of which decides among those that are equal to the ones before
POLICIES: dict[str, tuple[Weigher, ...]] = {PACK: (waste, fullness), SPREAD: (emptiness, waste)}


def best(fits: abc.Sequence[Fit], policy: str | None) -> list[Fit]:
    """Return the fits that a policy prefers, which are equally good; the default policy is pack."""
    for weigher in (*own(WEIGHERS).values(), *POLICIES[policy or PACK]):
        if len(fits) == 1:
            break
        weights = [weigher(fit) for fit in fits]
        fits = [fit for fit, weight in zip(fits, weights, strict=True) if weight == min(weights)]
    return list(fits)


@functools.cache
def own(namespace: str) -> abc.Mapping[str, abc.Callable[..., typing.Any]]:
    """Return the functions that the site has installed under an entry point's group, by their names."""
    found = extension.ExtensionManager(namespace, on_load_failure_callback=_fail)
    return {each.name: each.plugin for each in sorted(found, key=lambda each: each.name)}


def _fail(_manager: typing.Any, _entry_point: typing.Any, error: BaseException) -> None:
    raise error


def passes(device: models.Device, part: requirements.Part) -> bool:
    """Return whether the site's own filters let a device be that part."""
    return all(function(device, part) for function in own(FILTERS).values())
