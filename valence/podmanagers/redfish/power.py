# SPDX-License-Identifier: Apache-2.0
"""Power of a Redfish system, what it boots from, and the names that Valence has for both."""

from valence.common import errors
from valence.common import introspection_errors
from valence.db.models import node
from valence.podmanagers import base
from valence.podmanagers.redfish import tasks
from valence.podmanagers.redfish.crawl import properties

#: names that are not Redfish's in snake case
_OTHER_NAMES = {"disk": "Hdd", "sd_card": "SDCard", "uefi": "UEFI"}
#: a virtual CD at some machines of Supermicro
_OTHER_VALUES = {"UsbCd": "cd"}
#: what a system that does not say what it offers is taken to offer; later versions of the standard have more
STANDARD = node.POWER_ACTIONS[:9]
#: the action of a system, and that of a node of Intel RSD
_RESET, _RESET_OF_NODE = "#ComputerSystem.Reset", "#ComposedNode.Reset"
_VALUES = "@Redfish.AllowableValues"
_SETTINGS = ("@Redfish.Settings", "SettingsObject")
_TARGET, _ENABLED, _MODE = (f"BootSourceOverride{name}" for name in ("Target", "Enabled", "Mode"))


def value_of(name):
    """Return Redfish's value for one of the names in ``models.node``."""
    return _OTHER_NAMES.get(name) or "".join(part.capitalize() for part in name.split("_"))


def _names(known):
    return {value_of(name): name for name in known}


_RESET_NAMES, _TARGET_NAMES = _names(node.POWER_ACTIONS), _names(node.BOOT_TARGETS) | _OTHER_VALUES
_ENABLED_NAMES, _MODE_NAMES = _names(node.BOOT_ENABLED), _names(node.BOOT_MODES)


def state(connection, document):
    """Return the MachineState of the system whose ``document`` was read just now.

    Where a system has a settings resource, what this says of the next boot counts: it is what will be.
    """
    boot = _boot(connection, document)
    return base.MachineState(
        properties.power_state(document),
        reset_types(connection, document),
        _TARGET_NAMES.get(_text(boot.get(_TARGET))),
        _ENABLED_NAMES.get(_text(boot.get(_ENABLED))),
        _MODE_NAMES.get(_text(boot.get(_MODE))),
        _targets(boot),
    )


def reset(connection, path, document, reset_type):
    """Send one reset to the system at ``path``, as ``PodManagerDriver.power`` has it; return its Outcome."""
    offered = reset_types(connection, document)
    what = f"power action {reset_type}"
    if reset_type not in offered:
        raise introspection_errors.NotOffered(what=f"{what}, but {', '.join(offered) or 'none'}")
    target = _target(connection, path, document)
    answer = connection.exchange("POST", target, {"ResetType": value_of(reset_type)})
    return tasks.outcome(connection, target, answer, action=what)


def reset_types(connection, document):
    """Return which of ``models.node.POWER_ACTIONS`` a system offers, as the action or its ActionInfo says."""
    action = _action(document)
    values = action.get(f"ResetType{_VALUES}")
    if not isinstance(values, list):
        values = _described(connection, action.get("@Redfish.ActionInfo"))
    return _known(values, _RESET_NAMES, STANDARD)


def boot_targets(connection, document):
    """Return which of ``models.node.BOOT_TARGETS`` a system offers."""
    return _targets(_boot(connection, document))


def _targets(boot):
    return _known(boot.get(_TARGET + _VALUES), _TARGET_NAMES, node.BOOT_TARGETS)


def _action(document):
    action = properties.at(document, ("Actions", _name(document)))
    return action if isinstance(action, dict) else {}


def _name(document):
    """Return the name of the action that resets what a document describes."""
    is_node = isinstance(properties.at(document, ("Actions", _RESET_OF_NODE)), dict)
    return _RESET_OF_NODE if is_node else _RESET


def _described(connection, info):
    """Return the values of ResetType that an ActionInfo lists, None where it cannot be read or does not say."""
    path = connection.paths.link(info if isinstance(info, str) else None)
    parameters = _read(connection, path).get("Parameters")
    for each in parameters if isinstance(parameters, list) else []:
        if isinstance(each, dict) and each.get("Name") == "ResetType":
            return each.get("AllowableValues")
    return None


def _target(connection, path, document):
    """Return the path that a reset of the system, or the node of Intel RSD, at ``path`` is sent to.

    That of a node lies below its own path: a simulator gives all nodes the targets of the first one.
    """
    name, target = _name(document), _action(document).get("target")
    usual = f"{path}/Actions/{name[1:]}"
    if not isinstance(target, str):
        return usual
    local = connection.paths.link(target)
    if local is None:
        reason = f"{path}: the target of its reset leads to another service"
        raise errors.PodManagerError(url=connection.paths.url, reason=reason)
    return usual if name == _RESET_OF_NODE and not local.startswith(f"{path}/") else local


def _boot(connection, document):
    """Return the Boot of a system with that of its settings resource over it."""
    boot = document.get("Boot")
    boot = boot if isinstance(boot, dict) else {}
    link = properties.reference(properties.at(document, _SETTINGS))
    later = _read(connection, connection.paths.link(link)).get("Boot")
    later = later if isinstance(later, dict) else {}
    return boot | {name: value for name, value in later.items() if value is not None}


def _read(connection, path):
    """Return a document that says more of a system, an empty one where it cannot be read."""
    if path is None:
        return {}
    try:
        return connection.get(path).content
    except (errors.PodManagerUnreachable, errors.PodManagerAuthFailed):
        raise
    except errors.PodManagerError:
        return {}


def _known(values, names, default):
    """Return the names of the values that are known, in the order of the names; the default where there is no list."""
    if not isinstance(values, list) or not values:
        return list(default)
    found = {names[value] for value in values if isinstance(value, str) and value in names}
    return [name for name in dict.fromkeys(names.values()) if name in found]


def _text(value):
    return value if isinstance(value, str) else None
