# SPDX-License-Identifier: Apache-2.0
"""``valence-simulator``: a Redfish pod manager to try Valence on."""

import argparse
import dataclasses
import gc
import signal
import sys

from valence.common.configuration import extras
from valence.simulator import options

EXAMPLES = """examples:
  valence-simulator --port 8443 --tls /tmp/tls      two racks with eight systems, over TLS
  valence-simulator --port 8000 --racks 50 --systems 2000 --power-seconds 10
  valence-simulator --no-expand --page-size 50      a service that offers little
  valence-simulator --latency 200 --error-rate 0.05 --cut-rate 0.01 --dead-rate 0.02
                                                    a service that has a bad day
  valence-simulator --compute-blocks 10 --storage-blocks 10 --accelerator-blocks 4 --tasks --compose-seconds 5
                                                    blocks to compose systems of
  curl -X PATCH http://127.0.0.1:8000/simulator/systems/System1 -d '{"health": "Critical"}'
  curl http://127.0.0.1:8000/simulator/stats
"""

METAVARS = {int: "N", float: "N", str: "TEXT"}


def parser():
    """Return the parser: one option a field in ``valence.simulator.options``."""
    result = argparse.ArgumentParser(
        prog="valence-simulator",
        description="Serve a simulated Redfish pod over HTTP; print its URL when it is ready.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for group in options.GROUPS:
        section = result.add_argument_group(group.__name__.lower(), group.__doc__)
        for field in dataclasses.fields(group):
            _add(section, field)
    return result


def _add(section, field):
    name = "--" + field.name.replace("_", "-")
    text = field.metadata["help"]
    if field.type is bool:
        section.add_argument(name, action=argparse.BooleanOptionalAction, default=field.default, help=text)
        return
    default = f" [{field.default}]" if field.default != "" else ""
    metavar = field.metadata["metavar"] or METAVARS[field.type]
    section.add_argument(name, type=field.type, default=field.default, metavar=metavar, help=text + default)


def main(arguments=None):
    """Run until SIGTERM or SIGINT; return the exit code."""
    wanted = parser().parse_args(arguments)
    # before the thread starts, which inherits the mask: the signals wait for sigwait
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    try:
        simulator = _simulator(wanted).start()
    except (OSError, ValueError, extras.PackageMissing) as error:
        print(f"valence-simulator: {_told(error)}", file=sys.stderr)
        return 1
    gc.freeze()  # the pod stays: the collector need not look at it again and again
    print(f"{simulator.url}/redfish/v1", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    simulator.stop()
    return 0


def _told(error):
    return " ".join(error.problems[0].values()) if isinstance(error, extras.PackageMissing) else error


def _simulator(wanted):
    with extras.required():
        from valence.simulator import server  # noqa: PLC0415  --help needs neither the time nor the package

    return server.Simulator(**vars(wanted))


if __name__ == "__main__":
    sys.exit(main())
