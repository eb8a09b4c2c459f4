# SPDX-License-Identifier: Apache-2.0
"""The options of the group [ironic]: where Ironic is, how to sign in there, and the class of its nodes."""

import typing

from oslo_config import cfg

GROUP = "ironic"
#: seconds after which a request to Ironic, or to Keystone, has failed
TIMEOUT = 20
OPTIONS = [
    cfg.StrOpt(
        "resource_class",
        default="baremetal",
        help="Resource class of registered nodes, unless the request gives one. Nova schedules by it.",
    ),
]


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options on ``conf``."""
    from keystoneauth1 import loading  # noqa: PLC0415  only who registers nodes, or generates the sample, needs it

    conf.register_opts(OPTIONS, group=GROUP)
    loading.register_auth_conf_options(conf, GROUP)
    loading.register_session_conf_options(conf, GROUP)
    loading.register_adapter_conf_options(conf, GROUP)
    conf.set_default("timeout", TIMEOUT, GROUP)


def list_opts() -> list[tuple[str, list[typing.Any]]]:
    """Return the options by group, as oslo-config-generator asks for them."""
    from keystoneauth1 import loading  # noqa: PLC0415  see register

    common = loading.get_auth_common_conf_options()
    passwords = loading.get_auth_plugin_conf_options("v3password")
    session, adapter = loading.get_session_conf_options(), loading.get_adapter_conf_options()
    every = {option.dest: option for option in (*OPTIONS, *common, *session, *adapter, *passwords)}
    return [(GROUP, list(every.values()))]
