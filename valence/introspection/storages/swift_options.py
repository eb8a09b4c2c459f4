# SPDX-License-Identifier: Apache-2.0
"""The options of the storage ``swift``: where the objects are, and how to sign in there."""

from oslo_config import cfg

GROUP = "swift"
#: seconds after which a request to Swift has failed; less than an RPC call may take
TIMEOUT = 20
OPTIONS = [
    cfg.StrOpt("container", default="ironic-inspector", help="Container of the objects; made when missing."),
    cfg.IntOpt(
        "delete_after", default=0, min=0, help="Seconds after which Swift removes an object; 0 is never."
    ),
]


def register(conf):
    """Register the options on ``conf``."""
    from keystoneauth1 import loading  # noqa: PLC0415  only who chooses Swift, or generates the sample, needs it

    conf.register_opts(OPTIONS, group=GROUP)
    loading.register_auth_conf_options(conf, GROUP)
    loading.register_session_conf_options(conf, GROUP)
    loading.register_adapter_conf_options(conf, GROUP)
    conf.set_default("timeout", TIMEOUT, GROUP)


def list_opts():
    """Return the options by group, as oslo-config-generator asks for them."""
    from keystoneauth1 import loading  # noqa: PLC0415  see register

    common = loading.get_auth_common_conf_options()
    passwords = loading.get_auth_plugin_conf_options("v3password")
    session, adapter = loading.get_session_conf_options(), loading.get_adapter_conf_options()
    every = {option.dest: option for option in (*OPTIONS, *common, *session, *adapter, *passwords)}
    return [(GROUP, list(every.values()))]
