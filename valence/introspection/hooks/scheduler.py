# SPDX-License-Identifier: Apache-2.0
"""The hook ``scheduler``: the few figures that somebody who places work asks for first."""

from valence.introspection import document as documents
from valence.introspection import hook

GIB = 1024**3


class SchedulerFacts(hook.Hook):
    """Makes ``cpus``, ``cpu_arch``, ``memory_mb`` and ``local_gb`` of what the inventory says of them."""

    def after(self, document):
        inventory = documents.mapping(document.get("inventory"))
        cpu, memory = (documents.mapping(inventory.get(name)) for name in ("cpu", "memory"))
        size = documents.number(documents.mapping(document.get("root_disk")).get("size"))
        facts = {
            "cpus": documents.number(cpu.get("count")),
            "cpu_arch": documents.text(cpu.get("architecture")),
            "memory_mb": documents.number(memory.get("physical_mb")),
            # One GiB stays free for what partitioning needs.
            "local_gb": max(0, size // GIB - 1) if size else 0,
        }
        document.update({name: value for name, value in facts.items() if value is not None})
