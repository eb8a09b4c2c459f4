# SPDX-License-Identifier: Apache-2.0
"""The marks of machines are found wherever services keep them."""

import uuid

from tests import base
from valence.podmanagers import base as podmanagers
from valence.podmanagers import composers
from valence.podmanagers.redfish.composition import marks

NODE, OTHER = str(uuid.uuid4()), str(uuid.uuid4())


class MarksTest(base.TestCase):
    def test_a_mark_is_in_a_description_or_an_id(self):
        for document in (
            {"Description": f"valence:{NODE}", "Name": f"valence:{OTHER}"},
            {"Id": f"valence-{NODE}"},
            {"HostName": f"valence-{NODE.upper()}"},
            {"Oem": {"Site": {"Note": f"valence:{NODE}"}}},
        ):
            self.assertEqual(podmanagers.Sign(NODE, "77"), marks.sign(document, "77"), document)
        for document in ({}, {"Description": NODE}, {"Description": "valence:web"}, {"Id": None}):
            self.assertEqual(podmanagers.Sign(), marks.sign(document), document)

    def test_a_machine_is_marked_though_a_service_drops_what_the_mark_begins_with(self):
        machine, document = composers.Composed("/x", composers.COMPOSED), {"Description": f"made for {NODE}"}
        for node_id, is_marked in ((NODE, True), (OTHER, False), (None, False)):
            self.assertEqual(is_marked, marks.signed(machine, document, node_id).is_marked)
