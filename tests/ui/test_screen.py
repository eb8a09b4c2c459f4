# SPDX-License-Identifier: Apache-2.0
"""The pages of the screen in a browser, on a site with a simulated pod."""

import struct

import bcrypt

from tests import embedded
from tests import process
from tests.servers import ports
from tests.ui import case
from tests.ui import pictures

#: text that would become markup, reverse the line, or widen the page, where it is not shown as text
HOSTILE = "<img src=x onerror=alert(1)>\u202etxt.exe"
#: a proxy that serves all below a path
NGINX = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/responses;
    server {{
        listen 127.0.0.1:{port};
        location /valence/ {{
            proxy_pass {url}/;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_buffering off;
        }}
    }}
}}
"""
#: deep link -> heading of the page
PAGES = {
    "/": "Overview",
    "/racks": "Racks",
    "/nodes": "Nodes",
    "/compose": "Compose a node",
    "/flavors": "Flavors",
    "/devices": "Devices",
    "/pod_managers": "Pod managers",
    "/operations": "Operations",
    "/events": "Events",
    "/introspection": "Introspection",
    "/jobs": "Backup jobs",
    "/api": "API",
}


class ScreenTest(case.BrowserTestCase):
    def test_every_page_opens_by_its_link_and_is_accessible(self):
        for path, heading in PAGES.items():
            self.open(path, heading)
            self.gone(self.page.get_by_text("Loading …"))
            self.assert_accessible()
            self.page.emulate_media(color_scheme="dark")
            self.assert_accessible("color-contrast")
            self.page.emulate_media(color_scheme="light")
        self.assertEqual(0, self.page.get_by_role("alert").count())

    def test_every_page_of_one_thing_opens_by_its_link(self):
        client = self.valence.client
        (pod_manager,) = client.rows("/v1/pod_managers")
        system = client.get("/v1/systems", limit=1)["systems"][0]
        operation = client.get("/v1/operations", target_id=pod_manager["uuid"])["operations"][0]
        client.post(f"/introspection/v1/introspection/{system['uuid']}?source=redfish")
        client.post("/backup/v1/clients", {"client_id": "node-7", "hostname": "node-7"})
        job = client.post(
            "/backup/v1/jobs", {"description": HOSTILE, "client_id": "node-7", "job_actions": []}
        )
        for path, heading in {
            f"/pod_managers/{pod_manager['uuid']}": "demo",
            f"/resources/{system['uuid']}": system["name"],
            f"/operations/{operation['uuid']}": "sync of pod manager demo",
            f"/introspection/{system['uuid']}": system["name"],
            f"/jobs/{job['job_id']}": HOSTILE,
            "/nowhere": "No such page",
        }.items():
            self.open(path, heading)
            self.assert_accessible()
        self.see(self.page.get_by_text("There is no page /nowhere."))

    def test_the_pictures_of_the_documentation_can_be_taken_again(self):
        pictures.take(self.page, self.valence.client.url, self.folder)
        for name in pictures.PICTURES:
            header = (self.folder / f"{name}.png").read_bytes()[:24]
            self.assertEqual(struct.pack(">II", *case.SIZE.values()), header[16:], name)
            self.assertEqual(header, (pictures.FOLDER / f"{name}.png").read_bytes()[:24], name)

    def test_a_narrow_page_has_no_horizontal_scroll(self):
        page = self.new_page()
        page.set_viewport_size({"width": 390, "height": 844})
        for path, heading in PAGES.items():
            self.open(path, heading, page)
            self.gone(page.get_by_text("Loading …"))
            self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 390, path)
            here = page.get_by_role("navigation").locator("[aria-current]").bounding_box()
            self.assertTrue(0 <= here["x"] <= 391 - here["width"], (path, here))
        self.open("/devices", "Devices", page)
        cell = self.see(page.get_by_text("0 of 1")).bounding_box()
        self.assertTrue(0 <= cell["x"] <= 391 - cell["width"], cell)

    def test_the_picture_of_a_rack_is_loaded_when_it_comes_into_view(self):
        page = self.new_page()
        page.set_viewport_size({"width": 390, "height": 400})  # the second rack is far below
        self.open("/racks", "Racks", page)
        first, second = page.locator(".rack").first, page.locator(".rack").nth(1)
        self.see(first.locator("svg"))
        self.assertEqual(0, second.locator("svg").count())
        second.scroll_into_view_if_needed()
        self.see(second.locator("svg"))

    def test_a_pod_manager_is_registered_and_mended(self):
        self.expected = {400, 404, 409}  # 404 of the pod manager that was removed
        (demo,) = self.valence.client.rows("/v1/pod_managers")
        self.open("/pod_managers", "Pod managers")
        self.page.get_by_role("button", name="Register a pod manager").click()
        form = self.page.get_by_role("dialog")
        form.get_by_label("Name", exact=True).fill("second")
        form.get_by_label("URL").fill(demo["url"])
        form.get_by_role("button", name="Register and test").click()
        self.see(form.get_by_text(demo["url"], exact=False).or_(form.get_by_role("alert")))
        form.get_by_label("URL").fill("http://127.0.0.1:9/redfish/v1")
        form.get_by_role("button", name="Register and test").click()
        self.see(self.page.get_by_role("heading", level=1, name="second"))
        self.see(self.page.locator("main .notice.bad"))
        self.page.get_by_role("button", name="Change …").click()
        self.page.get_by_role("dialog").get_by_label("Description").fill("mended")
        self.page.get_by_role("dialog").get_by_role("button", name="Save").click()
        self.see(self.page.get_by_text("mended", exact=True))
        self.page.get_by_role("button", name="Delete", exact=True).click()
        self.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        self.see(self.page.get_by_role("heading", level=1, name="Pod managers"))
        self.assertEqual(0, self.page.get_by_role("alert").count())

    def test_a_wrong_password_of_a_pod_manager_is_mended(self):
        self.expected = {404}  # of the pod manager that is removed
        simulator = self.useFixture(embedded.Pod(password="right")).simulator
        self.open("/pod_managers", "Pod managers")
        self.page.get_by_role("button", name="Register a pod manager").click()
        form = self.page.get_by_role("dialog")
        for label, value in {"Name": "locked", "User name": "admin", "Password": "wrong"}.items():
            form.get_by_label(label, exact=label == "Name").fill(value)
        form.get_by_label("URL").fill(simulator.url)
        form.get_by_role("button", name="Register and test").click()
        self.see(self.page.get_by_role("heading", level=1, name="locked"))
        self.see(self.page.locator("main > .notice.bad", has_text="401"))
        self.page.get_by_role("button", name="Change …").click()
        form.get_by_label("Password").fill("right")
        form.get_by_role("button", name="Save").click()
        self.see(self.page.locator(".title .state", has_text="online"))
        self.gone(self.page.locator("main > .notice.bad"))
        uuid = self.page.url.rpartition("/")[2]
        self.valence.client.request("DELETE", f"/v1/pod_managers/{uuid}")
        self.see(self.page.get_by_text("The pod manager has been removed."))

    def test_a_flavor_is_created_and_deleted(self):
        self.open("/flavors", "Flavors")
        self.page.get_by_role("button", name="Create a flavor").click()
        form = self.page.get_by_role("dialog", name="Create a flavor", exact=True)
        form.get_by_label("Name", exact=True).fill(HOSTILE)
        form.get_by_label("processor total_cores").fill("16")
        self.assert_accessible()
        form.get_by_role("button", name="Create", exact=True).click()
        row = self.see(self.page.get_by_role("row", name="txt.exe"))
        self.see(row.get_by_text("processor 16 cores"))
        row.get_by_role("link", name="Compose a node").click()
        self.see(self.page.get_by_role("heading", level=1, name="Compose a node"))
        chosen = self.page.get_by_label("Flavor", exact=True).locator("option:checked")
        self.assertEqual(HOSTILE, chosen.text_content())
        self.open("/flavors", "Flavors")
        row.get_by_role("button", name="Delete", exact=True).click()
        self.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        self.gone(row)

    def test_a_machine_is_adopted(self):
        client = self.valence.client
        free = client.get("/v1/devices", device_type="System", state="free", limit=1)["devices"][0]
        machine = client.get(f"/v1/systems/{free['uuid']}")
        self.open(f"/resources/{free['uuid']}", machine["name"])
        self.page.get_by_role("button", name="Adopt as a node", exact=True).click()
        self.page.get_by_role("dialog").get_by_role("button", name="Adopt as a node").click()
        self.see(self.page.locator(".title .state", has_text="composed"))
        node = self.page.url.rpartition("/")[2]
        self.assertEqual(free["uuid"], client.get(f"/v1/nodes/{node}")["resource_id"])
        self.expected = {404}  # of the node that is released
        client.request("DELETE", f"/v1/nodes/{node}", headers={"Prefer": "wait=60"})
        self.see(self.page.get_by_text("The node has been released."))

    def test_a_proxy_serves_it_below_a_path(self):
        folder, port = self.make_folder(), ports.free_port()
        text = NGINX.format(folder=folder, port=port, url=self.valence.client.url)
        (folder / "nginx.conf").write_text(text)
        command = ("/usr/sbin/nginx", "-p", folder, "-c", folder / "nginx.conf")
        proxy = self.useFixture(process.Process(*command, folder=folder, name="proxy"))
        proxy.wait_until(lambda: not ports.is_free(port))
        self.page.goto(f"http://127.0.0.1:{port}/valence/ui/#/racks")
        self.see(self.page.get_by_role("status").get_by_text("Live"))
        self.see(self.page.locator(".rack svg"))
        self.page.get_by_role("link", name="Pod managers").click()
        self.see(self.page.get_by_role("link", name="demo")).click()
        self.see(self.page.get_by_role("heading", level=1, name="demo"))
        self.assertEqual({f"127.0.0.1:{port}"}, self.hosts)
        self.hosts.clear()

    def test_a_request_is_tried_from_the_description_of_the_api(self):
        self.open("/api?tag=flavors&operation=get_v1_flavors", "API")
        dialog = self.page.get_by_role("dialog")
        self.see(dialog.get_by_label("limit")).fill("1")
        dialog.get_by_role("button", name="Send").click()
        self.see(dialog.get_by_text('"name": "gpu"'))
        self.assertIn("limit=1", dialog.inner_text())

    def test_numbers_agree_with_what_they_count(self):
        self.open("/jobs", "Backup jobs")
        intervals = ["1 days", "2 days", "1 hour", "10 minutes", "continuous", "often"]
        read = "async (all) => { const lib = await import(new URL('lib.js', document.baseURI)); "
        shown = self.page.evaluate(read + "return all.map(lib.every) }", intervals)
        wanted = [
            "every day",
            "every 2 days",
            "every hour",
            "every 10 minutes",
            "continuously",
            "every often",
        ]
        self.assertEqual(wanted, shown)
        shown = self.page.evaluate(read + "return all.map((each) => lib.counted(each, 'core')) }", [0, 1, 2])
        self.assertEqual(["0 cores", "1 core", "2 cores"], shown)

    def test_events_wait_while_the_page_is_paused(self):
        self.open("/events?object_kind=flavor", "Events")
        self.see(self.page.get_by_role("status").get_by_text("Live", exact=True))
        self.page.get_by_role("button", name="Pause").click()
        made = self.valence.client.post("/v1/flavors", {"name": "paused"})
        self.see(self.page.get_by_role("button", name="Resume, 1 waiting"))
        events = self.page.get_by_role("list", name="Events")
        self.assertEqual(0, events.get_by_text("paused").count())
        self.page.get_by_role("button", name="Resume, 1 waiting").click()
        self.see(events.get_by_text("paused"))
        self.valence.client.request("DELETE", f"/v1/flavors/{made['uuid']}")
        self.see(events.get_by_text("flavor.delete"))

    def test_a_list_is_read_once_when_its_page_opens(self):
        read = []
        self.page.on("request", lambda request: read.append(request.url.partition("/v1/")[2]))
        self.open("/flavors", "Flavors")
        self.see(self.page.get_by_role("status").get_by_text("Live"))
        self.see(self.page.get_by_role("cell", name="gpu", exact=True))
        self.page.get_by_role("link", name="Events", exact=True).click()
        self.see(self.page.get_by_role("list", name="Events"))
        self.assertEqual(1, len([each for each in read if each.startswith("flavors?")]), read)

    def test_pages_of_a_list_are_left_by_the_back_button(self):
        self.open("/devices?device_type=System", "Devices")
        self.page.evaluate("localStorage.setItem('valence.rows', '2')")
        self.page.reload()
        links = self.page.locator("tbody td:first-child a")
        first = self.see(links).get_attribute("href")
        self.page.get_by_role("button", name="Next").click()
        self.see(self.page.locator(f"tbody:not(:has(a[href='{first}']))"))
        self.page.go_back()
        self.see(self.page.locator(f"tbody a[href='{first}']"))
        self.assertIn("device_type=System", self.page.url)
        self.page.get_by_role("button", name="Show the command: List the devices").click()
        self.see(self.page.get_by_text("valence device list --property device_type=System --limit 2"))

    def test_every_page_is_in_the_navigation(self):
        self.open("/", "Overview")
        links = self.page.get_by_role("navigation", name="Pages").get_by_role("link")
        self.assertEqual(list(PAGES), [each.get_attribute("href").removeprefix("#") for each in links.all()])

    def test_a_node_lives_its_life(self):
        """It is composed, switched off and released by hand; its name is text everywhere."""
        self.open("/compose", "Compose a node")
        self.page.get_by_label("Name", exact=True).fill(HOSTILE)
        self.page.get_by_label("processor total_cores").fill("9999")
        self.see(self.page.get_by_text("No free machine has 9999 cores"))
        self.page.get_by_label("processor total_cores").fill("16")
        self.see(self.page.get_by_text("It fits"))
        self.page.get_by_role("button", name="Compose", exact=True).click()
        self.see(self.page.get_by_role("heading", level=1, name=HOSTILE, exact=True))
        self.page.get_by_role("button", name="Show the command: Power off").click()
        dialog = self.page.get_by_role("dialog")
        self.assertIn("valence node power", dialog.inner_text())
        self.assertIn("""--json '{"power":"force_off"}'""", dialog.inner_text())
        self.page.keyboard.press("Escape")
        self.page.locator(".actions button:enabled", has_text="Power off").click()
        self.see(self.page.get_by_role("button", name="Power on", exact=True))
        self.open("/racks", "Racks")
        member = self.see(self.page.locator("svg [data-node]"))
        member.focus()
        self.see(self.page.locator(".lighting svg .lit[data-node]"))
        self.open("/events", "Events")
        self.see(self.page.get_by_role("list", name="Events").get_by_role("link", name=HOSTILE))
        self.page.get_by_role("list", name="Events").get_by_role("link", name=HOSTILE).first.click()
        self.expected = {404}  # of the node that was released
        self.page.locator(".actions button:enabled", has_text="Delete").click()
        self.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        self.see(
            self.page.get_by_text("The node has been released.").or_(
                self.page.get_by_text("There are no nodes.")
            )
        )
        self.assertEqual(0, self.page.locator("main img").count())
        self.assertEqual(0, self.page.get_by_role("alert").count())

    def test_an_error_stays_until_it_is_dismissed(self):
        self.expected = {400}
        self.open("/nodes?sort=nothing", "Nodes")
        problem = self.see(self.page.get_by_role("alert"))
        self.assertRegex(
            problem.inner_text(), r"'nothing'[\s\S]*GET /v1/nodes\?sort=nothing[\s\S]*req-[0-9a-f-]{36}"
        )
        self.page.get_by_role("link", name="Overview").click()
        self.see(self.page.get_by_text("Needs attention"))
        self.see(problem)
        problem.get_by_role("button", name="Dismiss").click()
        self.gone(problem)

    def test_the_overview_counts_without_reading_rows(self):
        read = []
        self.page.on("request", lambda request: read.append(request.url))
        client = self.valence.client
        free = client.get("/v1/devices", state="free", full="false", with_count="true", limit=0)["count"]
        self.open("/", "Overview")
        figures = self.page.locator(".figure[aria-busy=false]")
        self.see(figures.filter(has_text="Free devices").locator("strong").get_by_text(str(free), exact=True))
        self.see(figures.filter(has_text="Racks").locator("strong").get_by_text("2", exact=True))
        self.see(figures.filter(has_text="Pod managers").locator("li").get_by_text("online"))
        client.post("/v1/nodes", {"name": "counted", "flavor_id": "gpu"})
        nodes = figures.filter(has_text="Nodes")
        self.see(nodes.locator("li").get_by_text("composed"))
        client.request("DELETE", "/v1/nodes/counted", headers={"Prefer": "wait=60"})
        self.gone(nodes.locator("li"))
        # Names of what events are about are read by their UUIDs.
        lists = [url for url in read if "limit=" in url and "uuid=in:" not in url]
        limits = [int(url.partition("limit=")[2].partition("&")[0]) for url in lists]
        self.assertIn(0, limits)
        self.assertLessEqual(max(limits), 15)

    def test_a_change_is_visible_without_a_reload(self):
        self.open("/nodes", "Nodes")
        self.see(self.page.get_by_role("status").get_by_text("Live"))
        self.valence.client.post("/v1/nodes", {"name": "appears", "flavor_id": "gpu"})
        row = self.see(self.page.get_by_role("row", name="appears"))
        self.see(row.locator(".state", has_text="composed"))
        self.valence.client.request("DELETE", "/v1/nodes/appears", headers={"Prefer": "wait=60"})
        self.gone(row)


class SignInTest(case.BrowserTestCase):
    @classmethod
    def arguments(cls):
        users, conf = cls.folder / "htpasswd", cls.folder / "valence.conf"
        hashed = bcrypt.hashpw(b"p\xc3\xa4ss", bcrypt.gensalt(4)).decode()
        users.write_text(f"admin:{hashed}\nreader:{hashed}\n")
        conf.write_text(
            f"[DEFAULT]\nauth_strategy = http_basic\n[api]\nhttp_basic_auth_user_file = {users}\n",
            encoding="utf-8",
        )
        # A later port counts; it stays the same after a restart.
        return ("--config-file", conf, "--port", ports.free_port())

    def sign_in(self, user, password):
        self.see(self.page.get_by_label("User")).fill(user)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def test_the_page_stays_where_it_was_and_forgets_after_a_reload(self):
        self.expected = {401}
        self.open("/pod_managers", "Sign in")
        self.sign_in("admin", "wrong")
        self.see(self.page.get_by_role("alert").get_by_text("the user name or the password is wrong"))
        self.sign_in("admin", "päss")
        self.see(self.page.get_by_role("heading", level=1, name="Pod managers"))
        self.see(self.page.get_by_role("button", name="Register a pod manager"))
        self.see(self.page.get_by_role("status").get_by_text("Live"))
        self.page.reload()
        self.see(self.page.get_by_role("heading", level=1, name="Sign in"))
        self.assert_accessible()

    def test_what_the_policy_forbids_is_not_offered(self):
        self.open("/pod_managers", "Sign in")
        self.sign_in("reader", "päss")
        self.see(self.page.get_by_role("heading", level=1, name="Pod managers"))
        self.see(self.page.get_by_text("No pod manager is registered."))
        self.assertEqual(0, self.page.get_by_role("button", name="Register a pod manager").count())

    def test_no_event_is_missing_or_double_after_a_restart_of_the_api(self):
        self.unreachable = True
        self.open("/events?object_kind=flavor", "Sign in")
        self.sign_in("admin", "päss")
        self.see(self.page.get_by_role("status").get_by_text("Live", exact=True))
        made = [self.make_flavor("before")]
        self.see(self.page.get_by_role("list", name="Events").get_by_text("before"))
        self.valence.stop()
        self.see(self.page.get_by_role("status").get_by_text("Reconnecting"))
        self.valence.start()
        made += [self.make_flavor("while-away"), self.make_flavor("after")]
        events = self.page.get_by_role("list", name="Events")
        for flavor in made:
            self.see(events.get_by_text(flavor, exact=True))
            self.assertEqual(1, events.get_by_text(flavor, exact=True).count(), flavor)

    def make_flavor(self, name):
        self.valence.client.post("/v1/flavors", {"name": name}, auth=("admin", "päss".encode()))
        return name
