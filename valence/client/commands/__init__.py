# SPDX-License-Identifier: Apache-2.0
"""The commands of clients: one definition for ``valence`` and for ``openstack rack``."""

#: command -> its class below this package
COMMANDS = {
    "api explain": "api:ExplainCode",
    "apply": "desired_state:Apply",
    "conductor list": "inventory:ListConductors",
    "conductor show": "inventory:ShowConductor",
    "device list": "inventory:ListDevices",
    "device set": "inventory:SetDevice",
    "device show": "inventory:ShowDevice",
    "doctor": "doctor.command:Doctor",
    "event follow": "events:FollowEvents",
    "event list": "events:ListEvents",
    "event show": "events:ShowEvent",
    "export": "desired_state:Export",
    "flavor create": "flavors:CreateFlavor",
    "flavor delete": "flavors:DeleteFlavor",
    "flavor list": "flavors:ListFlavors",
    "flavor set": "flavors:SetFlavor",
    "flavor show": "flavors:ShowFlavor",
    "flavor unset": "flavors:UnsetFlavor",
    "introspection abort": "introspections:AbortIntrospection",
    "introspection data": "introspections:ShowIntrospectionData",
    "introspection list": "introspections:ListIntrospections",
    "introspection show": "introspections:ShowIntrospection",
    "introspection start": "introspections:StartIntrospection",
    "job list": "jobs:ListJobs",
    "job report": "jobs:ReportJob",
    "job show": "jobs:ShowJob",
    "node attach": "nodes:AttachDevice",
    "node boot": "nodes:BootNode",
    "node create": "nodes:CreateNode",
    "node delete": "nodes:DeleteNode",
    "node detach": "nodes:DetachDevice",
    "node device list": "nodes:ListNodeDevices",
    "node erase": "nodes:EraseNode",
    "node list": "nodes:ListNodes",
    "node manage": "nodes:ManageNode",
    "node power": "nodes:PowerNode",
    "node register": "nodes:RegisterNode",
    "node set": "nodes:SetNode",
    "node show": "nodes:ShowNode",
    "node unregister": "nodes:UnregisterNode",
    "operation cancel": "operations:CancelOperation",
    "operation list": "operations:ListOperations",
    "operation retry": "operations:RetryOperation",
    "operation show": "operations:ShowOperation",
    "operation wait": "operations:WaitForOperation",
    "pod manager create": "pod_managers:CreatePodManager",
    "pod manager delete": "pod_managers:DeletePodManager",
    "pod manager list": "pod_managers:ListPodManagers",
    "pod manager set": "pod_managers:SetPodManager",
    "pod manager show": "pod_managers:ShowPodManager",
    "pod manager sync": "pod_managers:SyncPodManager",
    "pod manager unset": "pod_managers:UnsetPodManager",
    "quota list": "flavors:ListQuotas",
    "quota set": "flavors:SetQuota",
    "quota show": "flavors:ShowQuota",
    "quota unset": "flavors:UnsetQuota",
    "rack list": "inventory:ListRacks",
    "rack show": "inventory:ShowRack",
    "resource list": "inventory:ListResources",
    "resource show": "inventory:ShowResource",
    "system list": "inventory:ListSystems",
    "system show": "inventory:ShowSystem",
}


def entry_point(name: str) -> str:
    """Return where the class of a command is, ``module:class``."""
    return f"{__name__}.{COMMANDS[name]}"


def name_in_openstack(name: str) -> str:
    """Return what ``openstack`` calls a command: all of them begin with the type of the service."""
    return name if name.startswith("rack ") else f"rack {name}"
