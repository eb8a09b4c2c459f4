# SPDX-License-Identifier: Apache-2.0
"""What talks to ironic-inspector in the field, in an environment of its own: the command line and the agent."""

import json
import os
import pathlib
import subprocess

from tests import environment
from tests import programs

REQUIREMENTS = pathlib.Path(__file__).parent / "data" / "inspection" / "requirements.txt"
#: posts the document on standard input as the agent does once it has collected one; prints the answer
AGENT = """
import json, sys
from ironic_python_agent import config, errors, inspector, utils
from oslo_config import cfg
cfg.CONF([], project="ironic-python-agent", default_config_files=[])
cfg.CONF.set_override("inspection_callback_url", sys.argv[1])
failures = utils.AccumulatedFailures(exc_class=errors.InspectionError)
for failure in sys.argv[2:]:
    failures.add(failure)
try:
    print(json.dumps(inspector.call_inspector(json.load(sys.stdin), failures)))
except errors.InspectionError as error:
    print(json.dumps({"refused": str(error)}))
"""


def install():
    """Return the folder of the commands; the first call installs them, which takes half a minute."""
    return environment.install("inspection", REQUIREMENTS)


def openstack(url, folder, *arguments, expected=0):
    """Return what ``openstack baremetal introspection`` prints to a service without authentication."""
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder), "OS_AUTH_TYPE": "none", "OS_ENDPOINT": url}
    command = [programs.find(install() / "openstack"), "baremetal", "introspection", *map(str, arguments)]
    return _run(command, expected, env=variables, cwd=folder)


def openstack_json(*arguments):
    """Return the same as the value of the JSON that is asked for."""
    return json.loads(openstack(*arguments, "--format", "json"))


def agent(url, document, *failures, token=None):
    """Return what ironic-python-agent's own code gets for a document, with failures that it collected."""
    callback = f"{url}/v1/continue" + (f"?token={token}" if token else "")
    command = [install() / "python", "-c", AGENT, callback, *failures]
    return json.loads(_run(command, 0, input=json.dumps(document)).splitlines()[-1])


def _run(command, expected, **keywords):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **keywords)
    if done.returncode != expected:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr[-8000:]}")
    return done.stdout
