# SPDX-License-Identifier: Apache-2.0
"""What each kind of resource says, by domain.

Each kind has a function ``(pod, *ids) -> properties``, each collection one ``(pod, *ids) -> ids``.
``@odata.id``, ``@odata.type`` and ``Id`` are put in front by ``valence.simulator.resources``.
"""
