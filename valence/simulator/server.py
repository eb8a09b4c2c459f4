# SPDX-License-Identifier: Apache-2.0
"""The simulator as a library: a Redfish service in a thread of its own.

with Simulator(racks=2, systems=20) as simulator:
    requests.get(simulator.url + "/redfish/v1")
    simulator.set_health("System1", "Critical")

A self-signed certificate, such as a management controller has out of the box.
"""

import asyncio
import datetime
import ipaddress
import os
import pathlib
import ssl
import threading

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from valence.simulator import control
from valence.simulator import options
from valence.simulator import service
from valence.simulator.composition import intruder
from valence.simulator.storage import saved

LIFETIME = datetime.timedelta(days=365)


def ensure(folder, host):
    """Return the paths of ``cert.pem`` and ``key.pem`` in ``folder``, made for ``host`` if missing."""
    place = pathlib.Path(folder)
    certificate, key = place / "cert.pem", place / "key.pem"
    if not (certificate.exists() and key.exists()):
        place.mkdir(parents=True, exist_ok=True)
        private = ec.generate_private_key(ec.SECP256R1())
        _write_secret(key, _key_text(private))
        certificate.write_bytes(_sign(private, host).public_bytes(serialization.Encoding.PEM))
    return str(certificate), str(key)


def _key_text(private):
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_secret(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(text)


def _sign(private, host):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "valence-simulator")])
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))  # clocks differ
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(_alternatives(host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .sign(private, hashes.SHA256())
    )


def _alternatives(host):
    """Return the names under which a client may call; the loopback ones always."""
    names = {"localhost", "127.0.0.1", "::1", host} - {""}
    return [_general_name(name) for name in sorted(names)]


def _general_name(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


SHUTDOWN_SECONDS = 1.0


class Simulator:
    """A Redfish pod manager; its arguments are the fields in ``valence.simulator.options``.

    The methods do what the control endpoint does (``valence.simulator.control``) and may be called
    by any thread.
    """

    def __init__(self, **values):
        inventory, self._behaviour, composition, faults, self._listener = options.split(values)
        self.service = service.Service(inventory, self._behaviour, composition, faults)
        self._intruder = intruder.Intruder(self.service.pod)
        self.url = None
        self.certificate = None
        self._port = self._listener.port
        self._loop = None
        self._thread = None

    def keep(self, path):
        """Restore the state in a file if there is one, and keep it there; before ``start``."""
        saved.Saved(self.service.pod, path)

    def start(self):
        """Listen, and return self; OSError where the port is taken.

        One that was stopped can be started again: it has the same URL and the state it had.
        """
        started = threading.Event()
        arguments = (started, self._tls())
        self._error = None
        self._thread = threading.Thread(target=self._main, args=arguments, name="simulator", daemon=True)
        self._thread.start()
        started.wait()
        if self._error:
            self._thread.join()
            raise self._error
        return self

    def stop(self):
        """Answer what is under way, within a second, and stop listening."""
        if self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def __enter__(self):
        return self.start()

    def __exit__(self, *error):
        self.stop()

    @property
    def ssl_verify(self):
        """What ``verify`` of requests must be: the certificate's path, True without TLS."""
        return self.certificate or True

    def set_health(self, system_id, health):
        self._call(control.change_system, system_id, health=health)

    def set_power(self, system_id, state):
        """Set the power, ``On`` or ``Off``, at once."""
        self._call(control.change_system, system_id, power=state)

    def move_system(self, system_id, new_id):
        """Give a system another URL; its UUID stays."""
        self._call(control.change_system, system_id, id=new_id)

    def add_system(self, rack=None):
        """Add a system to the rack with this id and return ``{"id", "uuid", "path"}``."""
        return self._call(control.add_system, rack)

    def remove_system(self, system_id):
        self._call(control.remove_system, system_id)

    def set_faults(self, **changes):
        """Change faults (fields of ``options.Faults``); without arguments, back to those of the start."""
        self._call(control.set_faults, **changes)

    def end_sessions(self):
        self._call(control.end_sessions)

    def set_password(self, password):
        self._call(control.set_password, password=password)

    def compositions(self):
        """Return ``{"systems", "blocks", "tasks"}``: what is composed, whatever clients are let see of it."""
        return self._call(control.compositions)

    def set_block_health(self, block_id, health):
        """Break a resource block, ``Critical``, or mend it, ``OK``."""
        self._call(control.change_block, block_id, health=health)

    def reset(self):
        self._call(control.reset)

    def stats(self):
        """Return ``{"requests", "by_method", "by_status", "sessions", "subscriptions", "systems"}``."""
        return self._call(control.stats)

    def _call(self, function, *arguments, **keywords):
        """Run ``function`` where the state may be touched: in the loop's thread while there is one."""
        if self._loop is None:
            return function(self.service, *arguments, **keywords)

        async def run():
            return function(self.service, *arguments, **keywords)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def _main(self, started, context):
        try:
            asyncio.run(self._serve(started, context))
        except OSError as error:
            self._error = error
        finally:
            self._loop = None
            started.set()

    async def _serve(self, started, context):
        server = web.Server(self._handle, access_log=None, handler_cancellation=True)
        runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._listener.host, self._port, ssl_context=context).start()
            self._stopping = asyncio.Event()
            self._loop = asyncio.get_running_loop()
            self._port = runner.addresses[0][1]
            self.url = self._address(runner.addresses[0])
            started.set()
            await self._until_stopped()
        finally:
            self.service.subscriptions.end_streams()
            await runner.cleanup()

    async def _until_stopped(self):
        """Let health change by itself and the intruder act, as often as asked for, until it is time to stop."""
        pod = self.service.pod
        await asyncio.gather(
            self._repeat(self._behaviour.health_changes, pod.change_some_health),
            self._repeat(pod.compositions.options.intruder, self._intruder.step),
        )

    async def _repeat(self, rate, function):
        """Call a function ``rate`` times a minute."""
        while not self._stopping.is_set():
            try:
                await asyncio.wait_for(self._stopping.wait(), 60 / rate if rate else None)
            except TimeoutError:
                function()

    async def _handle(self, request):
        if request.raw_path.startswith("/simulator/"):
            return await control.handle(self.service, request)
        return await self.service.handle(request)

    def _address(self, address):
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        return f"{'https' if self.certificate else 'http'}://{host}:{address[1]}"

    def _tls(self):
        listener = self._listener
        if not (listener.tls or listener.tls_cert):
            return None
        key = listener.tls_key or None
        self.certificate = listener.tls_cert
        if listener.tls:
            self.certificate, key = ensure(listener.tls, listener.host)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, key)
        return context
