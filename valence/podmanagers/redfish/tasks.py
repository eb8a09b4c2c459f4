# SPDX-License-Identifier: Apache-2.0
"""What the answer to a change says: it was made, a task works on it, or it was refused, and why.

Services differ (DSP0266 has task monitors in "Asynchronous operations"): what was made is named by a Location, by the
body, or not at all; a task by a Location, by its monitor, or by the task in the body. A monitor ends with the answer to
the change, a task with a state.
"""

import datetime
import email.utils
import re

from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.podmanagers import base
from valence.podmanagers.redfish.crawl import properties
from valence.podmanagers.redfish.http import failures
from valence.podmanagers.redfish.http import requests

#: limits of the seconds after which to ask again, and what they are if the service does not say
SHORTEST_RETRY_AFTER, LONGEST_RETRY_AFTER, RETRY_AFTER = 1, 30, 2
_ACCEPTED = 202
_BUSY = frozenset({429, 503})
_CONFLICT = frozenset({409, 412})
#: answers that do not come from the service itself, or say nothing of the change, whatever their text is
_UNSURE = frozenset({401, 502, 504})
_GONE = frozenset({404, 410})
_BAD_REQUEST, _NO_SUCH_METHOD = 400, frozenset({404, 405, 410, 501})
#: message of a 400 that means the same
_UNSUPPORTED = re.compile(r"(^|\.)ActionNotSupported$")
_COMPLETED, _FAILED = "Completed", frozenset({"Exception", "Killed", "Cancelled"})
#: paths of tasks in bodies that do not say what they are
_TASK_PATH = re.compile("/(Tasks|TaskMonitors|Monitors)/[^/]+/?")
#: messages that hardware is used by somebody else: their registry or name, or their text
_TAKEN_IDS = re.compile(r"Composition\.|(^|\.)ResourceInUse$")
#: messages of conflicts about something else, such as a machine that has to be off before a block is added
_OTHER_IDS = re.compile(
    r"(^|\.)(ResourceInStandby|ResourceAlreadyExists|ResourceCannotBeDeleted|CreateLimitReachedForResource"
    r"|CreateFailed\w*|Property(?!ValueResourceConflict)\w*|Action\w*|Query\w*|Operation(NotAllowed|Failed)"
    r"|InsufficientPrivilege\w*|Service\w*|LicenseRequired|NotApplicable)$"
)
_TAKEN_TEXTS = re.compile(
    r"\bin use\b|\balready\b.{0,40}\b(us|compos|alloc|assign|bound|attach)|\bnot (available|free)\b",
    re.IGNORECASE,
)


def outcome(connection, path, answer, *, action=None, device=None):
    """Return the Outcome of a change that was sent to ``path``, or raise why it was not made.

    ``connection`` is a connection.Connection. ``action`` says what was asked for: a service that does not know it
    raises NotOffered. ``device`` is what the change was to take: where others have it, DeviceTaken is raised, also for
    a conflict whose messages do not say what it is about. Raise
    PodManagerBusy where the change is to be sent later, HardwareOutcomeUnknown where a gateway lost the answer,
    ResourceGone, PodManagerAuthFailed or PodManagerError with what the service says.
    """
    if not 200 <= answer.status_code < 300:
        raise _refusal(connection, path, answer, action, device)
    document = requests.json_object(answer) or {}
    if answer.status_code == _ACCEPTED or _is_task(document):
        return _of_task(connection, _task_url(connection, path, answer, document), answer, document, device)
    return base.Outcome(base.DONE, _resource_url(connection, path, answer, document))


def follow(connection, task_url, *, device=None):
    """Ask once what became of a task, by its monitor or its own URL; return the Outcome, or raise why it failed.

    A monitor that is gone leaves the outcome unknown: services forget tasks, some of them as soon as they end.
    """
    answer = connection.poll(task_url)
    if answer.status_code in _GONE:
        return base.Outcome(base.UNKNOWN)
    if answer.status_code in requests.BUSY:
        return base.Outcome(base.TASK, None, task_url, retry_after(answer.headers))
    if not 200 <= answer.status_code < 300:
        raise _failure(connection, task_url, answer, device)
    document = requests.json_object(answer) or {}
    if answer.status_code == _ACCEPTED or _is_task(document):
        return _of_task(connection, task_url, answer, document, device)
    return base.Outcome(base.DONE, _resource_url(connection, task_url, answer, document))


def retry_after(headers):
    """Return the seconds in which a service asks to be asked again, within the limits."""
    value = headers.get("Retry-After") or ""
    seconds = int(value) if re.fullmatch("[0-9]{1,9}", value) else _seconds_until(value)
    return max(SHORTEST_RETRY_AFTER, min(seconds, LONGEST_RETRY_AFTER))


def _seconds_until(date):
    try:
        until = email.utils.parsedate_to_datetime(date)
        return int((until - datetime.datetime.now(datetime.UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):  # TypeError: a date without a zone
        return RETRY_AFTER


def _of_task(connection, task_url, answer, document, device):
    """Return the Outcome of a task, whose document may be empty, and whose URL may be None."""
    state = document.get("TaskState")
    if state in _FAILED:
        raise _task_failure(connection, task_url, document, device)
    if state == _COMPLETED:
        return _completed(connection, task_url, document, device)
    if task_url is None:
        return base.Outcome(base.UNKNOWN)
    return base.Outcome(base.TASK, None, task_url, retry_after(answer.headers))


def _completed(connection, task_url, document, device):
    """Return the Outcome of a task that ended well: what it made is among its links, or told by its monitor.

    The change was made: where the monitor cannot be reached the task is to be polled again, and nothing is raised.
    """
    created = properties.at(document, ("Links", "CreatedResources"))
    urls = [properties.reference(each) for each in created] if isinstance(created, list) else []
    made = next(filter(None, map(_linked(connection), urls)), None)
    monitor = _linked(connection)(document.get("TaskMonitor"))
    if made is None and monitor not in (None, task_url):
        try:
            answer = connection.poll(monitor)
        except errors.PodManagerUnreachable:
            return base.Outcome(base.TASK, None, task_url, RETRY_AFTER)
        except errors.PodManagerError:
            return base.Outcome(base.DONE)
        body = requests.json_object(answer) or {}
        if answer.status_code in (200, 201) and not _is_task(body):
            made = _resource_url(connection, monitor, answer, body)
    return base.Outcome(base.DONE, made)


def _is_task(document):
    kind = document.get("@odata.type")
    return isinstance(document.get("TaskState"), str) or (isinstance(kind, str) and kind.startswith("#Task."))


def _task_url(connection, path, answer, document):
    """Return the path of the task that an answer names, None if it names none."""
    link = _linked(connection)
    own = properties.reference(document)
    if not _is_task(document) and not _TASK_PATH.search(own or ""):
        own = None
    location = answer.headers.get("Location")
    return _located(connection, path, location) or link(document.get("TaskMonitor")) or link(own)


def _resource_url(connection, path, answer, document):
    """Return the path of what was made or changed, None if the answer does not name it."""
    location = _located(connection, path, answer.headers.get("Location"))
    return location or _linked(connection)(properties.reference(document))


def _located(connection, path, location):
    return _linked(connection)(location) or connection.paths.member(path, location)


def _linked(connection):
    return lambda link: connection.paths.link(link) if isinstance(link, str) else None


def _refusal(connection, path, answer, action, device):
    """Return the error that says why a change was refused."""
    status = answer.status_code
    if status in _BUSY:
        reason = f"{path}: {failures.status_reason(status, answer.content)}"
        seconds = retry_after(answer.headers)
        return composition_errors.PodManagerBusy(url=connection.paths.url, reason=reason, seconds=seconds)
    names = (name for name, _ in failures.messages_of(answer.content))
    is_unsupported = status == _BAD_REQUEST and any(_UNSUPPORTED.search(name) for name in names)
    if action and (status in _NO_SUCH_METHOD or is_unsupported):
        return introspection_errors.NotOffered(what=action)
    return _failure(connection, path, answer, device)


def _failure(connection, path, answer, device):
    """Return the error that says why a change failed; the answer may come from its monitor."""
    if answer.status_code in _UNSURE:
        return connection.refusal(path, answer)
    found = failures.messages_of(answer.content)
    is_conflict = answer.status_code in _CONFLICT and not any(_OTHER_IDS.search(name) for name, _ in found)
    if device and (is_conflict or _is_taken(found)):
        reason = failures.status_reason(answer.status_code, answer.content)
        return composition_errors.DeviceTaken(device=device, reason=reason)
    return connection.refusal(path, answer)


def _task_failure(connection, task_url, document, device):
    """Return the error that says why a task failed."""
    found = failures.messages(document)
    text = failures.text_of(found) or "it says nothing more"
    if device and _is_taken(found):
        return composition_errors.DeviceTaken(device=device, reason=text)
    reason = f"{task_url}: the task ended as {document['TaskState']} ({text})"
    return errors.PodManagerError(url=connection.paths.url, reason=reason)


def is_taken(answer):
    """Return whether an answer says that somebody else uses the hardware."""
    return _is_taken(failures.messages_of(answer.content))


def _is_taken(found):
    """Return whether messages say that somebody else uses the hardware."""
    return any(_TAKEN_IDS.search(name) or _TAKEN_TEXTS.search(text) for name, text in found)
