# SPDX-License-Identifier: Apache-2.0
"""The life of a node by the keyboard alone."""

import re

from tests.ui import case

#: most presses of a key until something has the focus
MOST = 60
#: what the power button says after it was pushed
OPPOSITE = {"Power on": "Power off", "Power off": "Power on"}


class KeyboardTest(case.BrowserTestCase):
    def tab_to(self, locator):
        """Press Tab until something has the focus, which must be visible there."""
        for _ in range(MOST):
            if locator.first.evaluate("each => each === document.activeElement"):
                break
            self.page.keyboard.press("Tab")
        else:
            self.fail(f"{MOST} presses of Tab do not reach {locator}.")
        style = "each => getComputedStyle(each).outlineStyle"
        self.assertNotEqual("none", locator.first.evaluate(style), f"The focus of {locator} is not visible.")

    def press(self, name, within=None):
        """Go to a button and press Enter."""
        button = (within or self.page).get_by_role("button", name=name, exact=True, disabled=False)
        self.see(button)
        self.tab_to(button)
        self.page.keyboard.press("Enter")

    def test_a_node_is_composed_gets_a_device_and_is_deleted(self):
        self.expected = {404}  # of the node that was released
        self.open("/compose", "Compose a node")
        self.tab_to(self.page.get_by_label("Name", exact=True))
        self.page.keyboard.type("by-hand")
        self.page.keyboard.press("Tab")
        self.page.keyboard.press("ArrowRight")  # from "By requirements" to "By a flavor"
        self.tab_to(self.page.get_by_label("Flavor", exact=True))
        self.page.keyboard.type("gpu")
        self.see(self.page.get_by_text("It fits"))
        self.press("Compose")
        self.see(self.page.get_by_role("heading", level=1, name="by-hand", exact=True))
        self.see(self.page.locator(".title .state", has_text="composed"))
        self.assertEqual("main", self.page.evaluate("document.activeElement.id"))
        self.attach()
        self.switch()
        self.press("Delete")
        self.press("Delete", self.page.get_by_role("dialog"))
        self.see(
            self.page.get_by_text("The node has been released.").or_(
                self.page.get_by_text("There are no nodes.")
            )
        )
        self.assertEqual(0, self.page.get_by_role("alert").count())

    def attach(self):
        """Attach a drive of the node's rack; a dialog that is cancelled returns the focus to its button."""
        drive = self.drive()
        self.press("Attach a device …")
        dialog = self.page.get_by_role("dialog")
        self.press("Cancel", dialog)
        self.gone(dialog)
        self.page.wait_for_function("() => document.activeElement.textContent === 'Attach a device …'")
        self.page.keyboard.press("Enter")
        choice = self.see(dialog.get_by_label("Free devices"))
        self.see(dialog.get_by_role("option", name="Storage"))
        self.tab_to(choice)
        self.page.keyboard.press("Home")
        for _ in range(MOST):
            if choice.input_value() == drive:
                break
            self.page.keyboard.press("ArrowDown")
        self.assertEqual(drive, choice.input_value())
        self.press("Attach", dialog)
        self.gone(dialog)
        self.see(self.page.get_by_role("cell", name="storage/1"))
        self.see(self.page.locator(".title .state", has_text="composed"))

    def switch(self):
        """Push the power button of the node, which keeps the focus while the machine is switched."""
        button = self.page.get_by_role("button", name=re.compile("^Power (on|off)$"))
        before = self.see(button).inner_text()
        self.press(before)
        self.see(self.page.get_by_role("button", name=OPPOSITE[before], exact=True, disabled=False))
        self.assertEqual(OPPOSITE[before], self.page.evaluate("document.activeElement.textContent"))

    def drive(self):
        """Return the UUID of a free drive in the rack of the node's processor."""
        client = self.valence.client
        (processor,) = client.get("/v1/devices", device_type="Compute", state="in_use")["devices"]
        url = client.get(f"/v1/resources/{processor['uuid']}")["resource_url"]
        free = client.get("/v1/devices", device_type="Storage", state="free")["devices"]
        urls = {each["uuid"]: client.get(f"/v1/resources/{each['uuid']}")["resource_url"] for each in free}
        return next(uuid for uuid, each in urls.items() if each.partition("-")[0] == url.partition("-")[0])
