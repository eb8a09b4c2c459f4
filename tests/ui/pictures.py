# SPDX-License-Identifier: Apache-2.0
"""Pictures of the screen in its documentation: ``python -m tests.ui.pictures`` takes them of a new demo.

A test takes them too, into a folder of its own, so that this works when somebody needs it.
"""

import pathlib
import tempfile
import typing

from tests import deployment
from tests.ui import case

FOLDER = pathlib.Path(__file__).parents[2] / "doc/source/user/images"
#: name of a picture -> deep link, heading, and what is there once the page is whole
PICTURES = {
    "overview": ("/", "Overview", "text=All events"),
    "racks": ("/racks", "Racks", ".rack:last-child svg"),
    "compose": ("/compose", "Compose a node", "text=would be taken"),
}


def take(page: typing.Any, url: str, folder: pathlib.Path) -> None:
    """Write a picture of each of PICTURES, of the demo at ``url``, into a folder."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    for name, (path, heading, last) in PICTURES.items():
        page.goto(f"{url}/ui/#{path}")
        page.get_by_role("heading", level=1, name=heading, exact=True).wait_for()
        page.locator(last).first.wait_for()
        page.get_by_text("Loading …").first.wait_for(state="hidden")
        page.locator("[aria-busy=true]").first.wait_for(state="hidden")
        page.screenshot(path=folder / f"{name}.png")


def main() -> None:
    """Take the pictures of the documentation."""
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        deployment.AllInOne(pathlib.Path(folder), "--demo") as valence,
        case.Browser() as browser,
    ):
        page = browser.browser.new_page(viewport=case.SIZE)
        page.set_default_timeout(case.PATIENCE)
        page.goto(f"{valence.client.url}/ui/")
        page.get_by_text("pod_manager.sync.end").first.wait_for()
        take(page, valence.client.url, FOLDER)


if __name__ == "__main__":
    main()
