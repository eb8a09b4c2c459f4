# SPDX-License-Identifier: Apache-2.0
"""Each answer to a change, and what follows from it."""

import datetime
import email.utils

from tests.unit.podmanagers import case
from valence.common import composition_errors
from valence.common import errors
from valence.common import introspection_errors
from valence.podmanagers import base
from valence.podmanagers.redfish import connection as redfish_connection
from valence.podmanagers.redfish import tasks

SYSTEMS = "/redfish/v1/Systems"
MADE = f"{SYSTEMS}/made"
MONITOR = "/redfish/v1/TaskService/TaskMonitors/7"
TASK = "/redfish/v1/TaskService/Tasks/7"
RUNNING = {"@odata.type": "#Task.v1_7_0.Task", "@odata.id": TASK, "TaskState": "Running"}
FAILED = RUNNING | {
    "TaskState": "Exception",
    "Messages": [{"MessageId": "Composition.1.1.NoResourceMatch", "Message": "no such drive"}],
}


def error(message, message_id="Base.1.18.GeneralError"):
    """Return a Redfish error document."""
    extended = [{"MessageId": message_id, "Message": message}]
    return {"error": {"code": "x", "message": "See the messages.", "@Message.ExtendedInfo": extended}}


class TasksCase(case.RedfishTestCase):
    def setUp(self):
        super().setUp()
        self.service = self.serve()
        self.connection = redfish_connection.Connection(self.conf.redfish, self.pod_manager(self.service.url))
        self.addCleanup(self.connection.close)

    def respond(self, request, status, document=b"", **headers):
        """Let the service answer a request in this way."""
        self.service.answers[request] = lambda handler: handler.answer(status, document, **headers)

    def post(self, status, document=b"", *, action=None, device=None, **headers):
        """Return the Outcome of a POST that is answered in this way."""
        self.respond(f"POST {SYSTEMS}", status, document, **headers)
        answer = self.connection.exchange("POST", SYSTEMS, {})
        return tasks.outcome(self.connection, SYSTEMS, answer, action=action, device=device)


class AcceptedTest(TasksCase):
    def test_what_was_made_is_where_a_location_or_the_body_says(self):
        for status in (200, 201, 204):
            for location in (MADE, f"{MADE}/", f"{self.service.url}{MADE}", f"https://pod.example{MADE}"):
                made = self.post(status, Location=location)
                self.assertEqual(base.Outcome(base.DONE, MADE), made, (status, location))
        for location in ("made", "Systems/made"):
            self.assertEqual(base.Outcome(base.DONE, MADE), self.post(201, Location=location), location)
        for status in (200, 201):
            self.assertEqual(base.Outcome(base.DONE, MADE), self.post(status, {"@odata.id": MADE}))

    def test_what_was_made_may_not_be_said(self):
        for status, body in ((201, b""), (204, b""), (201, b"200"), (201, b'"made"'), (201, {"Id": 5})):
            self.assertEqual(base.Outcome(base.DONE), self.post(status, body))
        self.assertEqual(base.Outcome(base.DONE), self.post(201, Location="http://other.example/elsewhere"))

    def test_a_task_is_where_a_location_or_the_body_says(self):
        for location in (MONITOR, self.service.url + MONITOR):
            expected = base.Outcome(base.TASK, None, MONITOR, tasks.RETRY_AFTER)
            self.assertEqual(expected, self.post(202, RUNNING, Location=location))
        for body, url in (
            (RUNNING, TASK),
            (RUNNING | {"TaskMonitor": MONITOR}, MONITOR),
            ({"TaskMonitor": MONITOR}, MONITOR),
            ({"@odata.id": TASK}, TASK),
        ):
            for status in (202,) if "TaskState" not in body else (200, 201, 202):
                self.assertEqual((base.TASK, None, url), self.post(status, body)[:3])

    def test_a_task_that_nobody_names_is_unknown(self):
        for body in (b"", {}, {"@odata.id": MADE}, {"TaskState": "Running"}, {"TaskMonitor": 5}):
            self.assertEqual(base.Outcome(base.UNKNOWN), self.post(202, body))
        self.assertEqual(base.Outcome(base.UNKNOWN), self.post(202, Location="http://other.example/tasks/1"))

    def test_a_task_may_have_ended_by_the_answer(self):
        links = {"CreatedResources": [{"@odata.id": MADE}]}
        ended = RUNNING | {"TaskState": "Completed", "Links": links}
        self.assertEqual(base.Outcome(base.DONE, MADE), self.post(202, ended, Location=MONITOR))
        self.assertIn(
            "no such drive", self.assertRaises(errors.PodManagerError, self.post, 202, FAILED).detail
        )

    def test_a_task_that_ended_is_polled_again_where_its_monitor_cannot_be_reached(self):
        ended = RUNNING | {"TaskState": "Completed", "TaskMonitor": MONITOR}
        again = base.Outcome(base.TASK, None, TASK, tasks.RETRY_AFTER)
        self.service.answers[f"GET {MONITOR}"] = lambda handler: setattr(handler, "close_connection", True)
        self.assertEqual(again, self.post(202, ended, Location=TASK))
        self.respond(f"POST {SYSTEMS}", 202, ended, Location=TASK)
        answer = self.connection.exchange("POST", SYSTEMS, {})
        self.connection.abort()
        self.assertEqual(again, tasks.outcome(self.connection, SYSTEMS, answer))

    def test_a_task_ended_whatever_its_monitor_says(self):
        ended = RUNNING | {"TaskState": "Completed", "TaskMonitor": MONITOR}
        self.respond(f"GET {MONITOR}", 200, b"x", Content_Encoding="gzip")
        self.assertEqual(base.Outcome(base.DONE), self.post(202, ended, Location=TASK))

    def test_how_long_to_wait_is_bounded(self):
        now = datetime.datetime.now(datetime.UTC)
        later = email.utils.format_datetime(now + datetime.timedelta(seconds=20), usegmt=True)
        for value, low, high in (
            ("7", 7, 7),
            ("0", 1, 1),
            ("3600", 30, 30),
            ("9" * 400, 2, 2),
            ("soon", 2, 2),
            ("-1", 2, 2),
            (later, 15, 20),
            ("Fri, 31 Dec 1999 23:59:59 GMT", 1, 1),
            ("Fri, 31 Dec 1999 23:59:59", 2, 2),
        ):
            seconds = self.post(202, Location=MONITOR, Retry_After=value).retry_after
            self.assertTrue(low <= seconds <= high, (value, seconds))


class RefusedTest(TasksCase):
    def refused(self, kind, status, document=b"", **more):
        """Return the error of exactly this kind that an answer raises."""
        raised = self.assertRaises(errors.ValenceError, self.post, status, document, **more)
        self.assertIs(kind, type(raised))
        return raised

    def test_hardware_that_others_use(self):
        for status, document in (
            (409, b""),
            (412, b""),
            (409, error("a conflict")),
            (400, error("The block is in use.")),
            (400, error("x", "Base.1.18.ResourceInUse")),
            (400, error("x", "Composition.1.1.NoResourceMatch")),
            (400, {"Error": "Resource block 3 already composed"}),
            (500, error("x", "Composition.1.1.UnableToProcessStanzaRequest")),
        ):
            raised = self.refused(composition_errors.DeviceTaken, status, document, device="block 3")
            self.assertIn("The device block 3 is in use: it answers", raised.detail)
            self.refused(errors.PodManagerError, status, document)

    def test_a_conflict_about_something_else_than_the_hardware(self):
        for name in (
            "ResourceInStandby",
            "ResourceAlreadyExists",
            "CreateLimitReachedForResource",
            "PropertyValueConflict",
            "ActionNotSupported",
            "ServiceShuttingDown",
        ):
            for status in (409, 412):
                document = error("The machine must be off.", f"Base.1.18.{name}")
                raised = self.refused(errors.PodManagerError, status, document, device="block 3")
                self.assertIn("The machine must be off.", raised.detail)
        for message_id in ("ResourceInUse", "PropertyValueResourceConflict", "GeneralError", "Oem.1.0.Busy"):
            document = error("It cannot be done now.", f"Base.1.18.{message_id}")
            self.refused(composition_errors.DeviceTaken, 409, document, device="block 3")
        document = error("Block 3 is already used.", "Base.1.18.PropertyValueConflict")
        self.refused(composition_errors.DeviceTaken, 409, document, device="block 3")

    def test_a_pod_manager_that_asks_to_wait(self):
        for status in (429, 503):
            for headers, seconds in (({"Retry_After": 9}, 9), ({"Retry_After": 900}, 30), ({}, 2)):
                raised = self.refused(composition_errors.PodManagerBusy, status, error("later"), **headers)
                self.assertEqual(seconds, raised.retry_after)
                self.assertIn("later", raised.detail)

    def test_a_gateway_that_lost_the_answer(self):
        for status in (502, 504):
            for document in (b"", b"the upstream is in use, not available", error("already in use")):
                self.refused(
                    composition_errors.HardwareOutcomeUnknown, status, document, device="d", action="a"
                )

    def test_an_answer_says_the_same_while_the_connection_is_being_closed(self):
        for status, kind in (
            (502, composition_errors.HardwareOutcomeUnknown),
            (504, composition_errors.HardwareOutcomeUnknown),
            (400, errors.PodManagerError),
        ):
            connection = redfish_connection.Connection(self.conf.redfish, self.pod_manager(self.service.url))
            self.addCleanup(connection.close)
            self.respond(f"POST {SYSTEMS}", status)
            answer = connection.exchange("POST", SYSTEMS, {})
            connection.abort()
            raised = self.assertRaises(errors.ValenceError, tasks.outcome, connection, SYSTEMS, answer)
            self.assertIs(kind, type(raised))
            raised = self.assertRaises(errors.ValenceError, connection.accepted, SYSTEMS, answer)
            self.assertIs(kind, type(raised))

    def test_an_action_that_is_not_there(self):
        for status in (404, 405, 410, 501):
            raised = self.refused(introspection_errors.NotOffered, status, action="attachment of devices")
            self.assertIn("no attachment of devices", raised.detail)
        self.refused(errors.ResourceGone, 404)
        self.refused(errors.PodManagerError, 405)

    def test_everything_else_is_a_failure_with_what_the_service_says(self):
        for document, text in (
            (error("Name is too long."), "(Name is too long.)"),
            ({"error": {"message": "not now"}}, "(not now)"),
            ({"error": {"code": "Base.1.0.GeneralError"}}, "(Base.1.0.GeneralError)"),
            ({"error": "no Id"}, "(no Id)"),
            ({"Error": {"message": "no Id"}}, "(no Id)"),
            (b'"Missing attribute: Id"', "(Missing attribute: Id)"),
            ({"@Message.ExtendedInfo": [{"Message": "first"}, 5, {"Message": "second"}]}, "(first; second)"),
            (b"Missing the target", "(Missing the target)"),
            (b"broken {" + b"x" * 2000, "400 Bad Request."),
            (b"<html>", "400 Bad Request."),
            ([5], "400 Bad Request."),
            ({"error": [], "@Message.ExtendedInfo": 5}, "400 Bad Request."),
        ):
            for more in ({}, {"device": "d", "action": "a"}):
                raised = self.refused(errors.PodManagerError, 400, document, **more)
                self.assertIn(text, raised.detail)

    def test_credentials_that_are_refused_are_renewed_and_it_is_sent_again(self):
        sessions = case.Sessions(self.service)
        self.connection.close()
        self.connection = redfish_connection.Connection(
            self.conf.redfish,
            self.pod_manager(self.service.url, username="admin", password=case.PASSWORD),
        )
        self.addCleanup(self.connection.close)
        self.service.documents[SYSTEMS] = {"Members": []}
        self.service.documents[case.ROOT]["Systems"] = {"@odata.id": SYSTEMS}
        self.service.answers[f"GET {SYSTEMS}"] = sessions._guarded
        self.service.documents[MADE] = {"@odata.id": MADE}
        self.connection.get(SYSTEMS)
        sessions.end()
        self.service.answers[f"POST {SYSTEMS}"] = lambda handler: (
            handler.answer(204, b"", Location=MADE)
            if handler.headers.get("X-Auth-Token") in sessions.valid
            else handler.answer(401, {})
        )
        answer = self.connection.exchange("POST", SYSTEMS, {})
        made = tasks.outcome(self.connection, SYSTEMS, answer)
        self.assertEqual((base.Outcome(base.DONE, MADE), 2), (made, self.service.count(f"POST {SYSTEMS}")))


class FollowTest(TasksCase):
    def follow(self, status, document=b"", url=MONITOR, device=None, **headers):
        """Return the Outcome of a task whose monitor answers in this way."""
        self.service.requests.clear()
        self.respond(f"GET {url}", status, document, **headers)
        return tasks.follow(self.connection, url, device=device)

    def test_a_monitor_whose_task_runs(self):
        for document in (b"", RUNNING, {"TaskState": "Pending"}):
            self.assertEqual(
                base.Outcome(base.TASK, None, MONITOR, 4), self.follow(202, document, Retry_After=4)
            )
            self.assertEqual([f"GET {MONITOR}"], [each for each in self.service.requests if "Task" in each])

    def test_a_monitor_that_ends_with_the_answer_to_the_change(self):
        for status, document, headers in (
            (201, b"", {"Location": MADE}),
            (204, b"", {"Location": MADE}),
            (200, {"@odata.id": MADE, "Id": "made"}, {}),
        ):
            self.assertEqual(base.Outcome(base.DONE, MADE), self.follow(status, document, **headers))
        self.assertEqual(base.Outcome(base.DONE), self.follow(204))

    def test_a_monitor_that_is_gone_leaves_the_outcome_unknown(self):
        for status in (404, 410):
            self.assertEqual(base.Outcome(base.UNKNOWN), self.follow(status, error("gone")))

    def test_a_service_that_does_not_answer_for_a_while_is_asked_again(self):
        for status in (429, 502, 503, 504):
            outcome = self.follow(status, Retry_After=25)
            self.assertEqual(base.Outcome(base.TASK, None, MONITOR, 25), outcome)
        self.respond(f"GET {MONITOR}", 202)
        self.service.answers[f"GET {MONITOR}"] = lambda handler: setattr(handler, "close_connection", True)
        self.assertRaises(errors.PodManagerUnreachable, tasks.follow, self.connection, MONITOR)

    def test_a_monitor_that_ends_with_a_refusal(self):
        raised = self.assertRaises(errors.PodManagerError, self.follow, 400, error("no room"))
        self.assertIn("no room", raised.detail)
        self.assertRaises(composition_errors.DeviceTaken, self.follow, 409, device="block 3")

    def test_a_task_ends_with_a_state(self):
        for state in ("New", "Starting", "Running", "Suspended", "Stopping", "Cancelling", "Service"):
            running = self.follow(200, RUNNING | {"TaskState": state}, TASK)
            self.assertEqual((base.TASK, None, TASK), running[:3])
        for state in ("Exception", "Killed", "Cancelled"):
            failed = FAILED | {"TaskState": state}
            raised = self.assertRaises(errors.PodManagerError, self.follow, 200, failed, TASK)
            self.assertIn(f"the task ended as {state} (no such drive)", raised.detail)
            self.assertRaises(composition_errors.DeviceTaken, self.follow, 200, failed, TASK, device="d")
        silent = self.assertRaises(
            errors.PodManagerError, self.follow, 200, {"TaskState": "Killed"}, TASK, device="d"
        )
        self.assertIn("it says nothing more", silent.detail)

    def test_a_task_names_what_it_made_itself_or_by_its_monitor(self):
        ended = RUNNING | {"TaskState": "Completed"}
        links = {"Links": {"CreatedResources": [5, {"@odata.id": MADE}]}}
        self.assertEqual(base.Outcome(base.DONE, MADE), self.follow(200, ended | links, TASK))
        self.respond(f"GET {MONITOR}", 201, Location=MADE)
        self.assertEqual(
            base.Outcome(base.DONE, MADE), self.follow(200, ended | {"TaskMonitor": MONITOR}, TASK)
        )
        for status, document in ((404, b""), (200, ended)):
            self.respond(f"GET {MONITOR}", status, document)
            outcome = self.follow(200, ended | {"TaskMonitor": MONITOR}, TASK)
            self.assertEqual(base.Outcome(base.DONE), outcome)
        for odd in (5, {"CreatedResources": 5}, None):
            self.assertEqual(base.Outcome(base.DONE), self.follow(200, ended | {"Links": odd}, TASK))
