# SPDX-License-Identifier: Apache-2.0
"""sushy's sign-in, service root and connector, as Valence uses them."""

import base64

import requests
import sushy
from sushy import auth
from sushy import connector
from sushy import exceptions

from valence.podmanagers import redfish_transport


class Connector(connector.Connector):
    """sushy's connector over a pool of kept connections that leads to one host only.

    As it comes, sushy's closes the connection and makes a TLS context for each request (22 ms of CPU), follows
    redirects to any host with its token, takes proxies from the environment, and tries what fails three times.
    ``credentials`` are the headers that prove who asks; ``basic`` says that they are HTTP Basic's, and
    ``asked_for_basic`` that the last answer to sushy asked for those.
    """

    def __init__(self, options, origin, http, verify_ca):
        super().__init__(
            origin,
            verify=verify_ca != "false",
            server_side_retries=1,
            default_request_timeout=options.read_timeout,
            connect_timeout=options.connect_timeout,
            response_callback=self._note,
        )
        self._http = http
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.adapters.clear()
        self._session.mount(origin, redfish_transport.Adapter(http.pool))
        self.credentials = {}
        self.basic = False
        self.asked_for_basic = False

    def get(self, path="", **kwargs):
        """Return the answer to a GET, past requests, which takes three times the CPU of what is below it."""
        answer = self._http.get(path, self.credentials)
        if answer.status_code == 401 and self._auth.use_basic():
            answer = self._http.get(path, self.credentials)
        self._http.document(path, answer)
        return answer

    def _note(self, response):
        self.asked_for_basic = "basic" in response.headers.get("WWW-Authenticate", "").lower()

    def set_http_session_auth(self, session_auth_token):
        super().set_http_session_auth(session_auth_token)
        self.credentials = {"X-Auth-Token": session_auth_token}
        self.basic = False

    def set_http_basic_auth(self, username, password):
        super().set_http_basic_auth(username.encode(), password.encode())
        pair = base64.b64encode(f"{username}:{password}".encode()).decode()
        self.credentials = {"Authorization": f"Basic {pair}"}
        self.basic = True


class Authentication(auth.SessionOrBasicAuth):
    """A session, or HTTP Basic where the service offers no session or has none left.

    Refused credentials are tried a second way only if the refusal asks for that, and no session was granted before:
    some services lock an account after three failures.
    """

    def use_basic(self):
        """Use HTTP Basic, if there is a name and that is not done yet; return whether that changed something."""
        if not self._username or self._connector.basic:
            return False
        self.reset_session_attrs()
        self._connector.set_http_basic_auth(self._username, self._password)
        return True

    def refresh_session(self):
        """Open another session; sushy would not where the first one came without a Location."""
        self.reset_session_attrs()
        self.authenticate()

    def _do_authenticate(self):
        if not self._username or self._connector.basic:
            return
        try:
            auth.SessionAuth._do_authenticate(self)
        except exceptions.ConnectionError:
            raise
        except exceptions.AccessError:
            if self._session_auth_previously_successful or not self._connector.asked_for_basic:
                raise
            self.use_basic()
        except exceptions.SushyError:
            self.use_basic()


class ServiceRoot(sushy.Sushy):
    """A service root of which nothing but the JSON is read: sushy fails on one that breaks the standard a little."""

    def _parse_attributes(self, json_doc):
        return {}

    def __del__(self):
        """Do nothing, where sushy signs out: garbage is collected in any thread, which then waited for a service."""
