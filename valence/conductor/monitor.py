# SPDX-License-Identifier: Apache-2.0
"""What the contacts with a pod manager mean for its status: pure functions."""

#: most characters of an error that is kept
ERROR_LENGTH = 1024


def contacted(pod_manager, root):
    """Return the fields to change after the service root answered; ``root`` is what it told.

    One that was offline is online only after a synchronization: its root may answer while nothing else does.
    """
    status = "offline" if pod_manager.status == "offline" else "online"
    return _differences(pod_manager, status=status, redfish_uuid=root.uuid or pod_manager.redfish_uuid)


def succeeded(pod_manager, now, next_sync_at, problem=None):
    """Return the fields to change after a synchronization that ended ``now``; both times are DateTime values.

    ``problem`` says which parts could not be read, None if all were.
    """
    moments = {"last_contact_at": now, "last_synced_at": now, "next_sync_at": next_sync_at}
    last_error = problem and problem[:ERROR_LENGTH]
    return _differences(pod_manager, status="online", last_error=last_error, failures=0) | moments


def failed(pod_manager, error, next_sync_at, *, offline_after, reached):
    """Return the fields to change after a failure; ``next_sync_at`` is when the next try comes.

    A pod manager is offline only after several failures in a row, and not when more than its root was ``reached``.
    """
    failures = pod_manager.failures + 1
    offline = failures >= offline_after and not reached
    values = {"status": "offline" if offline else pod_manager.status, "failures": failures}
    return _differences(pod_manager, **values, last_error=error.detail[:ERROR_LENGTH]) | {
        "next_sync_at": next_sync_at
    }


def _differences(pod_manager, **values):
    return {name: value for name, value in values.items() if getattr(pod_manager, name) != value}
