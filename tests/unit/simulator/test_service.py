# SPDX-License-Identifier: Apache-2.0
"""Sign-in, ETags, methods and bodies of the simulated service."""

import requests

from tests.unit.simulator import case

SESSIONS = "SessionService/Sessions"
RESET = "Systems/System1/Actions/ComputerSystem.Reset"


class SignInTest(case.SimulatorTestCase):
    def sign_in(self):
        answer = self.call("POST", SESSIONS, auth=None, json=case.SIGN_IN)
        self.assertEqual(201, answer.status_code)
        return answer

    def with_token(self, token, path="Systems"):
        return self.call("GET", path, auth=None, headers={"X-Auth-Token": token})

    def test_the_root_is_open_to_all(self):
        self.assertEqual(200, self.call("GET", "", auth=None).status_code)
        self.assertEqual(
            {"v1": "/redfish/v1/"}, requests.get(f"{self.simulator.url}/redfish", timeout=60).json()
        )

    def test_nothing_else_is(self):
        for path in ("Systems", "Systems/System1", "Nothing", "?$expand=*"):
            answer = self.call("GET", path, auth=None)
            self.assertEqual(401, answer.status_code, path)
            self.assertIn("Basic", answer.headers["WWW-Authenticate"])

    def test_a_token_lets_in_until_sign_out(self):
        answer = self.sign_in()
        token = answer.headers["X-Auth-Token"]
        self.assertEqual(200, self.with_token(token).status_code)
        location = answer.headers["Location"].removeprefix("/redfish/v1/")
        self.assertEqual(204, self.call("DELETE", location).status_code)
        self.assertEqual(401, self.with_token(token).status_code)

    def test_a_session_is_shown_without_its_token(self):
        answer = self.sign_in()
        self.assertEqual("admin", answer.json()["UserName"])
        self.assertNotIn(answer.headers["X-Auth-Token"], self.get(f"{SESSIONS}/{answer.json()['Id']}").text)

    def test_a_wrong_password_is_refused(self):
        answer = self.call("POST", SESSIONS, auth=None, json={"UserName": "admin", "Password": "x"})
        self.assertEqual(401, answer.status_code)
        self.assertEqual(401, self.call("GET", "Systems", auth=("admin", "x")).status_code)

    def test_a_wrong_token_is_not_saved_by_a_right_password(self):
        self.assertEqual(401, self.call("GET", "Systems", headers={"X-Auth-Token": "x"}).status_code)


class ETagTest(case.SimulatorTestCase):
    def test_an_unchanged_resource_is_304(self):
        etag = self.get("Systems/System1").headers["ETag"]
        answer = self.get("Systems/System1", If_None_Match=etag)
        self.assertEqual((304, b"", etag), (answer.status_code, answer.content, answer.headers["ETag"]))

    def test_a_change_changes_the_etag(self):
        etag = self.get("Systems/System1").headers["ETag"]
        self.simulator.set_health("System1", "Critical")
        answer = self.get("Systems/System1", If_None_Match=etag)
        self.assertEqual(200, answer.status_code)
        self.assertNotEqual(etag, answer.headers["ETag"])

    def test_the_etag_stands_in_the_document(self):
        answer = self.get("Chassis/Rack1")
        self.assertEqual(answer.headers["ETag"], answer.json()["@odata.etag"])

    def test_a_change_of_a_member_changes_the_etag_of_the_expanded_collection_only(self):
        plain, expanded = (self.get(path).headers["ETag"] for path in ("Systems", "Systems?$expand=."))
        self.simulator.set_power("System1", "Off")
        self.assertEqual(304, self.get("Systems", If_None_Match=plain).status_code)
        self.assertEqual(200, self.get("Systems?$expand=.", If_None_Match=expanded).status_code)

    def test_a_service_may_have_none(self):
        self.simulator = self.start(etags=False)
        answer = self.get("Systems/System1", If_None_Match="*")
        self.assertEqual(200, answer.status_code)
        self.assertNotIn("ETag", answer.headers)

    def test_a_change_of_another_state_is_refused(self):
        answer = self.call("PATCH", "Systems/System1", json={"AssetTag": "a"}, headers={"If-Match": '"old"'})
        self.assertEqual(412, answer.status_code)


class ActionTest(case.SimulatorTestCase):
    options = {"power_seconds": 60}

    def error(self, answer, status):
        self.assertEqual(status, answer.status_code)
        return answer.json()["error"]["@Message.ExtendedInfo"][0]["MessageId"].rpartition(".")[2]

    def reset(self, reset_type, system_id="System1"):
        path = f"Systems/{system_id}/Actions/ComputerSystem.Reset"
        return self.call("POST", path, json={"ResetType": reset_type})

    def test_power_takes_time(self):
        self.simulator.set_power("System1", "Off")
        self.assertEqual(204, self.reset("On").status_code)
        self.assertEqual("PoweringOn", self.system()["PowerState"])

    def test_power_arrives(self):
        self.simulator = self.start(power_seconds=0.2)
        self.assertEqual(204, self.reset("ForceRestart").status_code)
        self.wait_for(lambda: self.system()["PowerState"] == "On")

    def test_the_sled_and_the_node_follow_the_power_of_their_system(self):
        self.simulator = self.start(racks=1, systems=1)
        self.assertEqual("On", self.get("Chassis/Rack1-Sled1").json()["PowerState"])
        self.simulator.set_power("System1", "Off")
        self.assertEqual("Off", self.get("Chassis/Rack1-Sled1").json()["PowerState"])
        self.assertEqual("Off", self.get("Nodes/1").json()["PowerState"])

    def test_a_reset_that_makes_no_sense_is_refused(self):
        self.assertEqual("ActionParameterValueNotInList", self.error(self.reset("Explode"), 400))
        self.assertEqual("ActionParameterMissing", self.error(self.call("POST", RESET, json={}), 400))
        self.simulator.set_power("System1", "Off")
        self.assertEqual("ActionNotSupported", self.error(self.reset("ForceRestart"), 409))

    def test_a_missing_system_cannot_be_reset(self):
        self.assertEqual("ResourceMissingAtURI", self.error(self.reset("On", "System99"), 404))

    def test_a_patch_changes_the_system(self):
        body = {
            "AssetTag": "a-1",
            "LocationIndicatorActive": True,
            "Boot": {"BootSourceOverrideMode": "Legacy"},
        }
        document = self.call("PATCH", "Systems/System1", json=body).json()
        self.assertEqual(("a-1", True), (document["AssetTag"], document["LocationIndicatorActive"]))
        self.assertEqual("Legacy", document["Boot"]["BootSourceOverrideMode"])
        self.assertEqual(document, self.system())

    def test_a_bad_patch_changes_nothing(self):
        for body, key in (
            ({"AssetTag": "x", "UUID": "1"}, "PropertyNotWritable"),
            ({"AssetTag": "x", "Colour": "red"}, "PropertyUnknown"),
            ({"AssetTag": 5}, "PropertyValueTypeError"),
            ({"AssetTag": "x", "Boot": {"BootSourceOverrideTarget": "Moon"}}, "PropertyValueNotInList"),
            ({"AssetTag": "x", "Boot": {"BootNext": "1"}}, "PropertyNotWritable"),
        ):
            self.assertEqual(key, self.error(self.call("PATCH", "Systems/System1", json=body), 400), body)
        self.assertEqual("", self.system()["AssetTag"])

    def test_a_body_that_is_no_json_object_is_refused(self):
        for data in ("{", "[]", "\xff"):
            self.assertEqual(
                "MalformedJSON", self.error(self.call("PATCH", "Systems/System1", data=data), 400)
            )

    def test_a_method_that_is_not_there_names_those_that_are(self):
        answer = self.call("DELETE", "Systems/System1")
        self.assertEqual("OperationNotAllowed", self.error(answer, 405))
        self.assertEqual("GET, HEAD, PATCH", answer.headers["Allow"])

    def test_subscriptions_are_kept(self):
        body = {"Destination": "https://127.0.0.1/events", "Protocol": "Redfish", "Context": "mine"}
        answer = self.call("POST", "EventService/Subscriptions", json=body)
        self.assertEqual(201, answer.status_code)
        self.assertEqual(body, {name: answer.json()[name] for name in body})
        path = answer.headers["Location"].removeprefix("/redfish/v1/")
        self.assertEqual(204, self.call("DELETE", path).status_code)
        self.assertEqual([], self.get("EventService/Subscriptions").json()["Members"])

    def test_head_has_no_body(self):
        answer = self.call("HEAD", "Systems")
        self.assertEqual((200, b""), (answer.status_code, answer.content))

    def test_a_missing_resource_is_a_redfish_error(self):
        for path in (
            "Nothing",
            "Systems/System99",
            "Systems/System1/Processors/3",
            "Systems/System1/Nothing",
        ):
            self.assertEqual("ResourceMissingAtURI", self.error(self.get(path), 404), path)

    def test_an_escaped_path_is_the_same_path(self):
        self.assertEqual(self.system(), self.get("Systems/System%31/").json())
