# SPDX-License-Identifier: Apache-2.0
"""A controller in the manner of Kubernetes: it gives a node one accelerator of a model, and takes it away again.

A claim is a file with what is wanted (``spec``) and what is there (``status``), as a custom resource of Kubernetes has:

    {"metadata": {"uid": "7c9e1f"}, "spec": {"node": "web-3", "model": "A100", "attached": true}, "status": {}}

The controller compares the two and does what is missing. It may be killed at any moment and started again, and the node
never gets two accelerators: each request has an Idempotency-Key that is in the status before the request is sent.
"""

import argparse
import json
import os
import pathlib
import time

from valence import client
from valence.client import errors

#: seconds until a claim is looked at again: one that has what it wants, and one whose request failed
IDLE, BACKOFF = 2.0, 15.0
#: seconds that one look at an operation waits for its end
WAIT = 60.0


class Claim:
    """A claim in a file. In Kubernetes it is an object of the API server, and ``update`` a request to its status."""

    def __init__(self, path):
        self._path = pathlib.Path(path)
        document = json.loads(self._path.read_text())
        self.uid, self.spec = document["metadata"]["uid"], document["spec"]
        self.status = document.get("status") or {}

    def update(self, **values):
        """Store values of the status; whenever the controller dies, the file is the old one or the new one."""
        self.status |= values
        document = {"metadata": {"uid": self.uid}, "spec": self.spec, "status": self.status}
        new = self._path.with_suffix(".new")
        with new.open("w") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self._path)

    def is_done(self):
        """Return whether the node has what is wanted, and no request is open."""
        has_device = self.status.get("device") is not None
        return self.status.get("request") is None and has_device == self.spec["attached"]


def reconcile(rack, claim):
    """Do the next thing for a claim; return the seconds until it is looked at again."""
    if claim.is_done():
        return IDLE
    if claim.status.get("request") is None:
        number = claim.status.get("requests", 0) + 1
        action = "attach" if claim.spec["attached"] else "detach"
        # From here on this request is finished before another one begins, also if the spec changes meanwhile.
        claim.update(request={"action": action, "key": f"{claim.uid}-{number}"}, requests=number)
    try:
        operation = send(rack, claim)
        end = attached if claim.status["request"]["action"] == "attach" else detached
        claim.update(**end(rack, claim, operation), request=None, refused_at=None, message="")
    except errors.WaitTimeout as error:
        claim.update(message=str(error))
        return 0.0  # it goes on: the same request leads to the same operation
    except errors.OperationFailed as error:
        claim.update(request=None, message=str(error))  # the node is as it was; a new request needs a new key
        return BACKOFF
    except (errors.Conflict, errors.Forbidden) as error:
        refused(claim, error)
        return BACKOFF
    return 0.0


def send(rack, claim):
    """Send the request of a claim, for the first time or again; return its operation after its success."""
    request = claim.status["request"]
    if request["action"] == "attach":
        body = {"attach": {"accelerator": {"model": claim.spec["model"], "count": 1}}}
    else:
        body = {"detach": {"device_id": claim.status["device"]}}
    operation = rack.nodes.act(claim.spec["node"], idempotency_key=request["key"], **body)
    return rack.wait_for_operation(operation, timeout=WAIT)


def attached(rack, claim, operation):
    """Return the device that an operation has attached, with what an operating system finds it by."""
    # The event is stored with the success of the operation, and names the same request.
    (event,) = rack.events(
        event_type="valence.node.device_attached",
        object_id=operation.target_id,
        request_id=operation.request_id,
    )
    device = event.new["device_id"]
    (row,) = [each for each in rack.nodes.devices(claim.spec["node"]) if each.device_id == device]
    return {"device": device, "identities": [part["identity"] for part in row.parts] or [row.identity]}


def detached(_rack, _claim, _operation):
    """Return what a claim without a device has."""
    return {"device": None, "identities": []}


def refused(claim, error):
    """Note why a request was refused: nothing fits, the node is busy, the quota of the project is exceeded.

    It is given up when it was refused twice, BACKOFF seconds apart: by then Valence does not work any more on one
    that was sent just before the controller died.
    """
    first = claim.status.get("refused_at")
    if first is not None and time.time() - first >= BACKOFF:
        claim.update(request=None, refused_at=None, message=str(error))
    else:
        claim.update(refused_at=first or time.time(), message=str(error))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--endpoint", default=client.URL, help="URL of Valence.")
    parser.add_argument("--once", action="store_true", help="End when the claim has what it wants.")
    parser.add_argument("claim", help="File of the claim.")
    parsed = parser.parse_args()
    rack = client.connect(parsed.endpoint)
    while True:
        claim = Claim(parsed.claim)
        if parsed.once and claim.is_done():
            break
        try:
            pause = reconcile(rack, claim)
        except errors.RackError as error:  # nobody answers, or not as expected
            claim.update(message=str(error))
            pause = BACKOFF
        time.sleep(pause)


if __name__ == "__main__":
    main()
