# SPDX-License-Identifier: Apache-2.0
"""The storage ``swift``: one object a content, named as ironic-inspector names them: its container can be used."""

import contextlib
import http
import threading

from keystoneauth1 import exceptions
from keystoneauth1 import loading
from openstack import connection

from valence.common import introspection_errors
from valence.introspection.storages import storage
from valence.introspection.storages import swift_options

PREFIX = "inspector_data-"
PAGE = 1000


class SwiftStorage(storage.StorageBackend):
    """Keeps contents in [swift] container; signs in when it is first needed."""

    def __init__(self, conf, database):
        swift_options.register(conf)
        self._conf, self._container = conf, conf.swift.container
        self._connection, self._lock = None, threading.Lock()
        try:
            self._auth = loading.load_auth_from_conf_options(conf, swift_options.GROUP)
        except exceptions.AuthPluginException as error:
            raise introspection_errors.StorageUnusable(storage="swift", reason=str(error)) from None
        if self._auth is None:
            raise introspection_errors.StorageUnusable(storage="swift", reason="[swift] auth_type is not set")

    def get(self, node_id, suffix=None):
        answer = self._request("GET", self._object(node_id, suffix))
        if answer.status_code == http.HTTPStatus.NOT_FOUND:
            raise introspection_errors.NoIntrospectionData(key=node_id, what=storage.what(suffix))
        return answer.content

    def save(self, node_info, data, suffix=None):
        path = self._object(node_info.uuid, suffix)
        seconds = self._conf.swift.delete_after
        headers = {"Content-Type": "application/octet-stream"}
        headers |= {"X-Delete-After": str(seconds)} if seconds else {}
        answer = self._request("PUT", path, data=data, headers=headers)
        if answer.status_code == http.HTTPStatus.NOT_FOUND:
            self._request("PUT", f"/{self._container}")
            answer = self._request("PUT", path, data=data, headers=headers)
        if answer.status_code == http.HTTPStatus.NOT_FOUND:
            raise _away("the container cannot be made")

    def delete(self, node_id, suffix=None):
        with contextlib.suppress(introspection_errors.NoIntrospectionData):  # no name of a content
            self._request("DELETE", self._object(node_id, suffix))

    def exists(self, node_id, suffix=None):
        try:
            answer = self._request("HEAD", self._object(node_id, suffix))
        except introspection_errors.NoIntrospectionData:
            return False
        return answer.status_code != http.HTTPStatus.NOT_FOUND

    def names(self):
        marker = ""
        while found := self._page(marker):
            yield from (storage.split_name(name.removeprefix(PREFIX)) for name in found)
            marker = found[-1]

    def _page(self, marker):
        parameters = {"format": "json", "prefix": PREFIX, "marker": marker, "limit": PAGE}
        answer = self._request("GET", f"/{self._container}", params=parameters)
        if answer.status_code == http.HTTPStatus.NOT_FOUND:
            return []
        return [each["name"] for each in answer.json()]

    def _object(self, node_id, suffix):
        return f"/{self._container}/{PREFIX}{storage.content_name(node_id, suffix)}"

    def _request(self, method, path, **keywords):
        """Return an answer that is a success, or 404; raise StorageUnavailable for everything else."""
        try:
            answer = self._client().request(path, method, raise_exc=False, **keywords)
        except exceptions.ClientException as error:
            # Its text holds URLs of the inside.
            raise _away(type(error).__name__) from None
        if answer.status_code >= 400 and answer.status_code != http.HTTPStatus.NOT_FOUND:
            raise _away(f"Swift answers {answer.status_code}")
        return answer

    def _client(self):
        with self._lock:
            if self._connection is None:
                session = loading.load_session_from_conf_options(
                    self._conf, swift_options.GROUP, auth=self._auth
                )
                self._connection = connection.Connection(session=session, oslo_conf=None)
        return self._connection.object_store


def _away(reason):
    return introspection_errors.StorageUnavailable(storage="swift", reason=reason)
