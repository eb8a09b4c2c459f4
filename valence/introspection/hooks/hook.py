# SPDX-License-Identifier: Apache-2.0
"""Hooks: what makes the processed document of an unprocessed one; entry points of ``valence.introspection.hook``."""

from oslo_log import log
from stevedore import extension

from valence.common import introspection_errors

LOG = log.getLogger(__name__)

ENTRY_POINT = "valence.introspection.hook"


class Hook:
    """One step of the processing; it changes the document in place and raises HookFailed if it cannot do with it.

    A ramdisk sends what it likes: every value may be missing, null or of another type.
    """

    def __init__(self, conf):
        """Prepare; raise HookUnusable if the options make no sense."""

    def before(self, document):
        """Check or complete the document before the machine is known that it is of."""

    def after(self, document):
        """Complete the document of a known machine."""


class Hooks:
    """The hooks of [processing] hooks, in their order."""

    def __init__(self, conf):
        found = {each.name: each.plugin for each in extension.ExtensionManager(ENTRY_POINT)}
        unknown = [name for name in conf.processing.hooks if name not in found]
        if unknown:
            reason = f"there are: {', '.join(sorted(found))}"
            raise introspection_errors.HookUnusable(hook=unknown[0], reason=reason)
        self._hooks = [(name, found[name](conf)) for name in conf.processing.hooks]

    def before(self, document):
        """Return the HookFailed errors of all hooks; the document of one that failed is left as it was then."""
        failures = [_failure(name, hook.before, document) for name, hook in self._hooks]
        return [failure for failure in failures if failure is not None]

    def after(self, document):
        """Complete the document; raise the first HookFailed."""
        for name, hook in self._hooks:
            failure = _failure(name, hook.after, document)
            if failure is not None:
                raise failure


def _failure(name, step, document):
    """Return the HookFailed of a step, or None; hooks come from anywhere, so that this is an edge."""
    try:
        step(document)
    except introspection_errors.HookFailed as error:
        return error
    except Exception:  # the edge to plug-ins, which raise anything
        LOG.exception("the hook %s failed", name)
        return introspection_errors.HookFailed(
            hook=name, reason="it met something that it did not expect; the log tells"
        )
    return None
