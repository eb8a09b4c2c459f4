# SPDX-License-Identifier: Apache-2.0
"""Every check of the doctor: its severity, what it finds, and the command that mends it.

A command has ``{names}`` for what a finding is about; the page of the documentation shows them as they stand.
"""

import typing

ERROR, WARNING, NOTE = "error", "warning", "note"
#: severities, the worst first, and the exit codes of the command
SEVERITIES = {ERROR: 2, WARNING: 1, NOTE: 0}


class Check(typing.NamedTuple):
    """A check: ``about`` says when it finds something, ``command`` mends that."""

    severity: str
    about: str
    command: str


EDIT = "sudoedit {file}"
#: name -> check; the part before the dot says what is checked
CHECKS = {
    "config.file": Check(ERROR, "A configuration file cannot be read.", "ls -l {file}"),
    "config.value": Check(ERROR, "The value of an option is not valid.", EDIT),
    "config.option": Check(WARNING, "There is no such option: it is misspelt or in the wrong section.", EDIT),
    "config.section": Check(WARNING, "There is no such section.", EDIT),
    "config.deprecated": Check(WARNING, "An option is deprecated, or has a new name.", EDIT),
    "config.certificate": Check(ERROR, "The certificate of a port cannot be served.", "ls -l {files}"),
    "config.database": Check(ERROR, "No driver knows the database, or its package is missing.", "{command}"),
    "host.packages": Check(
        NOTE, "The packages of the server are not installed here.", "pip install {package}"
    ),
    "host.failed": Check(ERROR, "A check of this host could not be made.", "valence --debug doctor"),
    "files.mode": Check(
        WARNING, "Other users may read or change a file with secrets.", "chmod {mode} {file}"
    ),
    "files.certificate": Check(
        WARNING, "A certificate ends within 14 days, or has ended.", "openssl x509 -enddate -noout -in {file}"
    ),
    "keys.unusable": Check(ERROR, "The key file is missing or unusable.", "{command}"),
    "keys.mismatch": Check(
        ERROR, "The key file lacks a key of the stored secrets.", "scp OTHER_CONDUCTOR:{file} {file}"
    ),
    "disk.space": Check(WARNING, "Less than 512 MiB are free where Valence writes.", "df -h {path}"),
    "disk.path": Check(
        ERROR, "A folder to write to is missing or cannot be written.", "install -d -m 0700 -o {user} {path}"
    ),
    "database.unreachable": Check(ERROR, "The database cannot be reached.", EDIT),
    "database.schema": Check(ERROR, "The schema of the database is too old.", "valence-manage db upgrade"),
    "database.newer": Check(
        WARNING, "The schema of the database is newer than the code here.", "pip install --upgrade valence"
    ),
    "database.differs": Check(
        WARNING, "The schema differs from what this version needs.", "valence-manage db check"
    ),
    "database.charset": Check(
        WARNING,
        "MariaDB: a column is not stored as utf8mb4.",
        "ALTER TABLE {table} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;",
    ),
    "database.clock": Check(
        WARNING, "The clocks of this host and of the database differ by more than 2 s.", "chronyc tracking"
    ),
    "ironic.unusable": Check(ERROR, "Ironic cannot be used as [ironic] says.", "{command}"),
    "bus.url": Check(ERROR, "The transport URL is not valid.", EDIT),
    "bus.unreachable": Check(ERROR, "The broker cannot be reached.", "nc -vz {host} {port}"),
    "bus.credentials": Check(
        ERROR, "The broker refuses user name and password.", "rabbitmqctl authenticate_user {user} PASSWORD"
    ),
    "bus.vhost": Check(
        ERROR,
        "The virtual host does not exist, or the user may not use it.",
        "rabbitmqctl add_vhost {vhost}; rabbitmqctl set_permissions -p {vhost} {user} '.*' '.*' '.*'",
    ),
    "bus.tls": Check(
        ERROR, "TLS with the broker fails.", "openssl s_client -connect {host}:{port} -verify_return_error"
    ),
    "bus.plain": Check(WARNING, "Messages cross the network without TLS.", EDIT),
    "bus.consumers": Check(
        WARNING, "Conductors are alive, but nobody takes the calls to them.", "valence conductor list"
    ),
    "bus.depth": Check(
        WARNING,
        "Messages wait in a queue that nobody reads.",
        "rabbitmqctl list_queues -p {vhost} name messages consumers",
    ),
    "conductors.none": Check(ERROR, "No conductor is alive.", "systemctl start valence-conductor"),
    "conductors.silent": Check(
        ERROR,
        "A conductor counts as alive, but has not renewed its heartbeat.",
        "journalctl -u valence-conductor",
    ),
    "conductors.gone": Check(NOTE, "A conductor is not alive.", "systemctl start valence-conductor"),
    "conductors.version": Check(
        WARNING, "Conductors run other versions than the rest.", "systemctl restart valence-conductor"
    ),
    "conductors.clock": Check(
        WARNING, "A heartbeat lies in the future: the clocks of hosts differ.", "chronyc tracking"
    ),
    "pod_managers.unserved": Check(
        ERROR,
        "No living conductor serves the group of a pod manager.",
        "valence pod manager set {name} --conductor-group GROUP",
    ),
    "pod_managers.credentials": Check(
        ERROR,
        "A pod manager refuses the credentials.",
        "valence pod manager set {name} --username USER --password-prompt",
    ),
    "pod_managers.offline": Check(
        ERROR, "A pod manager is offline.", "valence pod manager sync {name} --wait"
    ),
    "pod_managers.error": Check(
        WARNING, "The last contact with a pod manager failed.", "valence pod manager sync {name} --wait"
    ),
    "pod_managers.tls": Check(
        WARNING,
        "The certificate of a pod manager is not checked.",
        "valence pod manager set {name} --verify-ca /etc/ssl/certs/AUTHORITIES.pem",
    ),
    "pod_managers.plain": Check(
        WARNING,
        "The password of a pod manager crosses the network without TLS.",
        "valence pod manager set {name} --url https://…",
    ),
    "pod_managers.overdue": Check(
        WARNING,
        "The synchronization of a pod manager is due for more than 10 minutes.",
        "valence pod manager sync {name} --wait",
    ),
    "pod_managers.deletion": Check(
        WARNING,
        "A deleted pod manager is still there after an hour.",
        "valence operation list --property target_id={id}",
    ),
    "pod_managers.maintenance": Check(
        NOTE, "A pod manager is in maintenance.", "valence pod manager set {name} --no-maintenance"
    ),
    "operations.abandoned": Check(
        ERROR, "An operation runs on a conductor that is not alive.", "systemctl start valence-conductor"
    ),
    "operations.running": Check(
        WARNING, "An operation runs for more than an hour.", "valence operation show {id}"
    ),
    "operations.pending": Check(
        WARNING, "An operation waits for more than 10 minutes.", "valence operation show {id}"
    ),
    "nodes.error": Check(WARNING, "A node is in the state error.", "valence node show {id}"),
    "nodes.hangs": Check(
        WARNING,
        "A node is being changed for more than an hour.",
        "valence operation list --property target_id={id}",
    ),
    "claims.failed": Check(
        WARNING, "A device of a node could not be used.", "valence node device list {node}"
    ),
    "claims.hangs": Check(
        WARNING,
        "A device is being attached or detached, but no operation works on its node.",
        "valence operation list --property target_id={node}",
    ),
    "api.unreachable": Check(ERROR, "The API does not answer.", "systemctl status valence-api"),
    "api.certificate": Check(
        ERROR, "The certificate of the API is refused.", "openssl s_client -connect {host} -showcerts"
    ),
    "api.credentials": Check(
        ERROR, "The API refuses the credentials, or their roles.", "valence --os-cloud CLOUD doctor"
    ),
    "api.not_ready": Check(
        ERROR, "The API reports that bus, conductors or database are away.", "curl {url}/readyz"
    ),
    "api.failed": Check(ERROR, "The API answers a check with an error.", "journalctl -u valence-api"),
    "api.plain": Check(
        WARNING, "Requests cross the network without TLS.", "valence --endpoint https://… doctor"
    ),
    "api.clock": Check(
        WARNING, "The clocks of this host and of the API differ by more than 5 s.", "chronyc tracking"
    ),
}
