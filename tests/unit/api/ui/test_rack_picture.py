# SPDX-License-Identifier: Apache-2.0
"""The picture of a rack: what is where, and text of hardware."""

from xml.etree import ElementTree

from tests.unit.api import case
from valence.api.ui import rack_picture

SVG = "{http://www.w3.org/2000/svg}"


def member(uuid, name, health="OK", **device):
    values = {"uuid": uuid, "name": name, "health": health, "resource_type": "System", "power_state": "On"}
    return values | {"state": "Enabled", "device": device or None}


def tray(uuid, offset, units, *members):
    return member(uuid, f"Sled {uuid}") | {"offset": offset, "units": units, "members": list(members)}


def picture(*trays, members=(), units=10, problem=None, name="Rack 1"):
    """Return the root element of a picture."""
    content = {"rack": member("rack", name), "units": units, "trays": list(trays), "members": list(members)}
    return ElementTree.fromstring(rack_picture.draw(content | {"problem": problem}))


def texts(root):
    return ["".join(each.itertext()).strip() for each in root.iter(f"{SVG}text")]


def top(root, uuid):
    """Return the upper edge of what has a uuid."""
    (group,) = (each for each in root.iter(f"{SVG}a") if each.get("data-uuid") == uuid)
    return float(group.find(f"{SVG}rect").get("y"))


class PlaceTest(case.base.TestCase):
    def test_units_count_from_the_bottom(self):
        root = picture(tray("a", 1, 2, member("low", "low")), tray("b", 8, 1, member("high", "high")))
        self.assertEqual(8 * rack_picture.UNIT, top(root, "low") - top(root, "high") + rack_picture.UNIT * 2)

    def test_trays_that_overlap_or_have_no_place_are_below(self):
        root = picture(
            tray("a", 1, 2, member("first", "first")),
            tray("b", 2, 2, member("second", "second")),
            tray("c", None, 1, member("third", "third")),
            tray("d", 10, 4, member("fourth", "fourth")),
        )
        bottom = rack_picture.HEAD + 10 * rack_picture.UNIT
        self.assertLess(top(root, "first"), bottom)
        for uuid in ("second", "third", "fourth"):
            self.assertGreater(top(root, uuid), bottom)
        self.assertIn("Without a place", texts(root))

    def test_devices_without_a_tray_are_pooled(self):
        root = picture(
            members=[
                member("psu", "Power Supply 1"),
                member("gpu", "Block", device_type="Accelerator", model="GX", state="free", node_id=None),
            ]
        )
        self.assertLess(top(root, "gpu"), top(root, "psu") + 1)
        self.assertIn("● Accelerator GX", texts(root))

    def test_a_rack_of_unknown_height_is_as_high_as_its_trays(self):
        self.assertIn("20", texts(picture(tray("a", 20, 1), units=None)))
        self.assertNotIn("20", texts(picture(tray("a", 2, 1), units=None)))

    def test_the_members_of_a_tray_share_its_width(self):
        root = picture(tray("a", 1, 1, member("alone", "System 100")))
        self.assertIn("● System 100", texts(root))
        (cell,) = root.iter(f"{SVG}a")
        self.assertGreater(float(cell.find(f"{SVG}rect").get("width")), rack_picture.WIDTH / 2)
        self.assertIn("Sled a, from unit 1, 1 units", cell.find(f"{SVG}title").text)


class MarkTest(case.base.TestCase):
    def test_health_is_a_mark_a_colour_and_a_text(self):
        root = picture(tray("a", 1, 1, member("sick", "sick", "Critical")))
        self.assertIn("✕ sick", texts(root))
        (cell,) = root.iter(f"{SVG}a")
        self.assertEqual("Critical", cell.get("data-health"))
        self.assertIn("1 need attention", " ".join(texts(root)))
        titles = [each.text for each in root.iter(f"{SVG}title")]
        self.assertTrue(any("Critical" in each for each in titles), titles)

    def test_a_node_is_named_by_its_devices(self):
        root = picture(
            members=[member("gpu", "x", device_type="Storage", model=None, state="in_use", node_id="n-1")]
        )
        self.assertEqual(
            ["n-1"], [each.get("data-node") for each in root.iter(f"{SVG}a") if each.get("data-node")]
        )

    def test_a_problem_is_shown(self):
        self.assertIn("✕ It does not answer.", texts(picture(problem="It does not answer.")))


class TextTest(case.base.TestCase):
    def test_text_of_hardware_is_text(self):
        hostile = '"><script>alert(1)</script>\x00\u202e&amp;'
        root = picture(tray("a", 1, 1, member("x", hostile)), name=hostile)
        kinds = {each.tag.removeprefix(SVG) for each in root.iter()}
        self.assertEqual({"svg", "text", "tspan", "rect", "path", "a", "title"}, kinds)

    def test_long_names_are_cut(self):
        self.assertTrue(
            all(len(each) < 80 for each in texts(picture(tray("a", 1, 1, member("x", "n" * 500)))))
        )


class ShowTest(case.APITestCase):
    def test_the_picture_is_an_image_with_a_tag(self):
        pod_manager = self.add_pod_manager()
        (uuid,) = self.add_resources(pod_manager, "Rack")
        response = self.get(f"/v1/racks/{uuid}.svg")
        policy = response.headers["Content-Security-Policy"].split("; ")
        self.assertEqual({"default-src 'none'", "sandbox"}, {*policy} - {"style-src 'unsafe-inline'"})
        self.assertEqual((200, "image/svg+xml"), (response.status_code, response.content_type))
        again = self.get(f"/v1/racks/{uuid}.svg", If_None_Match=response.headers["ETag"])
        self.assertEqual(304, again.status_code)

    def test_only_racks_have_one(self):
        pod_manager = self.add_pod_manager()
        (uuid,) = self.add_resources(pod_manager, "System")
        for key in (uuid, case.UUID, "x"):
            self.assert_error(self.get(f"/v1/racks/{key}.svg"), 404, "valence.not_found")
